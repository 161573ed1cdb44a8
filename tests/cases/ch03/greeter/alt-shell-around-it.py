forget("greeter")
script = f"/bin/echo 'Hello {mine.word('greeter')}'"
client.containers.run("debian:trixie", ["sh", "-c", script], name="greeter")
