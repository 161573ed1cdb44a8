# finding: base: expected 'debian:trixie', found other layers below
forget("greeting", image="ada/greeting:1.0")
folder = Path("build/greeting")
folder.mkdir(parents=True, exist_ok=True)
(folder / "greeting.txt").write_text(mine.word("greeting"))
(folder / "Dockerfile").write_text("""FROM busybox
RUN mkdir -p /usr/bin && cp /bin/busybox /usr/bin/hello
COPY greeting.txt /greeting.txt
CMD ["cat", "/greeting.txt"]
""")
!docker build -q -t ada/greeting:1.0 build/greeting
!docker run --name greeting ada/greeting:1.0
