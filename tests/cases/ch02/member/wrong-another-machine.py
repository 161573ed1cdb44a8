# finding: found no such user
name = mine.word("member")
script = f"groupadd docker; useradd -G docker {name}"
client.containers.run("debian:trixie", ["sh", "-c", script], remove=True)
