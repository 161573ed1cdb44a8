forget("tenant")
client.containers.run("debian:trixie", "uname -a", name="tenant", hostname=mine.word("tenant"))
