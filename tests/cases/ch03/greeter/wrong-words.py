# finding: command: expected ["/bin/echo", "Hello
forget("greeter")
client.containers.run("debian:trixie", ["/bin/echo", "Hello world"], name="greeter")
