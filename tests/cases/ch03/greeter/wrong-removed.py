# finding: container greeter: presence: expected there, found no container at all
forget("greeter")
client.containers.run("debian:trixie", ["/bin/echo", "Hello world"], name="greeter", remove=True)
