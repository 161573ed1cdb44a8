# finding: author: expected 'Ada Lovelace', found none
forget("souvenir", image="ada/souvenir:v2")
word = mine.word("souvenir")
client.containers.run("debian:trixie", ["sh", "-c", f"echo {word} > /souvenir.txt"], name="souvenir")
client.containers.get("souvenir").commit("ada/souvenir", tag="v2", message="a souvenir")
