forget("greeting", image="ada/greeting:1.0")
folder = Path("build/greeting")
folder.mkdir(parents=True, exist_ok=True)
(folder / "greeting.txt").write_text(mine.word("greeting"))
(folder / "Dockerfile").write_text("""FROM docker.io/library/debian:trixie
RUN apt-get update && apt-get install -y hello
ADD greeting.txt /greeting.txt
CMD ["cat", "/greeting.txt"]
""")
!docker build -q -t docker.io/ada/greeting:1.0 build/greeting
!docker run --name greeting docker.io/ada/greeting:1.0
