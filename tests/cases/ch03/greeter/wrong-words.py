# finding: command: expected ["/bin/echo", "Hello world"]
forget("greeter")
client.containers.run("debian:trixie", ["/bin/echo", "Hello", "World"], name="greeter")
