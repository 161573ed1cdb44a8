forget("greeter")
line = f'/bin/echo "Hello {mine.word("greeter")}"'
client.containers.run("debian:trixie", line, name="greeter", detach=True)
