# finding: It was created but never started
forget("greeter")
client.containers.create("debian:trixie", ["/bin/echo", "Hello " + mine.word("greeter")], name="greeter")
