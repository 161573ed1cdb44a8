# finding: image: expected 'debian:trixie', found 'busybox'
forget("greeter")
client.containers.run("busybox", ["/bin/echo", "Hello " + mine.word("greeter")], name="greeter")
