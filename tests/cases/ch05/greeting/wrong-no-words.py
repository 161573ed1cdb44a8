# finding: The Dockerfile needs a CMD that prints it
# The image has no CMD of its own, so the base's runs: a shell with nothing to read.
forget("greeting", image="ada/greeting:1.0")
folder = Path("build/greeting")
folder.mkdir(parents=True, exist_ok=True)
(folder / "greeting.txt").write_text(mine.word("greeting"))
(folder / "Dockerfile").write_text("""FROM debian:trixie
RUN apt-get update && apt-get install -y hello
COPY greeting.txt /greeting.txt
""")
!docker build -q -t ada/greeting:1.0 build/greeting
!docker run --name greeting ada/greeting:1.0
