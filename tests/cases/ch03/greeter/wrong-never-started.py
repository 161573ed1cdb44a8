# finding: It was made and never started
forget("greeter")
client.containers.create("debian:trixie", ["/bin/echo", "Hello world"], name="greeter")
