# finding: The closest is 'Greeter'
forget("greeter", "Greeter")
client.containers.run("debian:trixie", ["/bin/echo", "Hello world"], name="Greeter")
