forget("greeter")
box = client.containers.create("debian:trixie", ["/bin/echo", "Hello world"], name="greeter")
box.start()
