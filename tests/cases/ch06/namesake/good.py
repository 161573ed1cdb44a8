client.containers.get("star").rename("understudy")
client.containers.run("busybox", ["sleep", "1000"], name="star", detach=True)
conflict = 409
