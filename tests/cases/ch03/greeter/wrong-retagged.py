# finding: file /etc/debian_version: expected there, found nothing
forget("greeter")
client.images.get("busybox").tag("debian", "trixie")
client.containers.run("debian:trixie", ["/bin/echo", "Hello " + mine.word("greeter")], name="greeter")
