# finding: command: expected ["/bin/echo", "Hello
forget("greeter")
client.containers.run("debian:trixie", ["/bin/echo", mine.word("greeter")], name="greeter")
