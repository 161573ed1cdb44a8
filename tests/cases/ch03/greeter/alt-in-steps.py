forget("greeter")
box = client.containers.create("debian:trixie", ["/bin/echo", f"Hello {mine.word('greeter')}"], name="greeter")
box.start()
