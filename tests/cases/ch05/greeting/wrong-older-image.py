# finding: found an earlier image of that name
forget("greeting", image="ada/greeting:1.0")
folder = Path("build/greeting")
folder.mkdir(parents=True, exist_ok=True)
recipe = """FROM debian:trixie
RUN apt-get update && apt-get install -y hello
COPY greeting.txt /greeting.txt
CMD ["cat", "/greeting.txt"]
"""
(folder / "Dockerfile").write_text(recipe)
(folder / "greeting.txt").write_text(mine.word("greeting") + " at first")
!docker build -q -t ada/greeting:1.0 build/greeting
!docker run --name greeting ada/greeting:1.0
(folder / "greeting.txt").write_text(mine.word("greeting"))
!docker build -q -t ada/greeting:1.0 build/greeting
