forget("tenant")
box = client.containers.create("debian:latest", ["sh", "-c", "uname -n -r"], name="tenant", hostname=mine.word("tenant"))
box.start()
box.wait(timeout=30)
