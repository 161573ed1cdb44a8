forget("greeting", image="ada/greeting:1.0")
folder = Path("build/greeting")
folder.mkdir(parents=True, exist_ok=True)
print("your word:", mine.word("greeting"))
recipe = ["FROM debian:trixie", "RUN apt-get update && apt-get install -y hello",
          "COPY greeting.txt /greeting.txt", 'CMD ["cat", "/greeting.txt"]']
(folder / "Dockerfile").write_text("\n".join(recipe))
(folder / "greeting.txt").write_text(mine.word("greeting"))
client.images.build(path=str(folder), tag="ada/greeting:1.0", rm=True)
client.containers.run("ada/greeting:1.0", name="greeting")
