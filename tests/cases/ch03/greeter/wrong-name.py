# finding: The closest is 'Greeter'
forget("greeter", "Greeter")
client.containers.run("debian:trixie", ["/bin/echo", "Hello " + mine.word("greeter")], name="Greeter")
