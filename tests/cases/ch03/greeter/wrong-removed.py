# finding: container greeter: presence: expected there, found no container at all
forget("greeter")
greeting = ["/bin/echo", "Hello " + mine.word("greeter")]
client.containers.run("debian:trixie", greeting, name="greeter", remove=True)
