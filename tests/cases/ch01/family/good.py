forget("ada", "bob", "cyd")
for name in ("ada", "bob", "cyd"):
    client.containers.run("busybox", ["echo", name], name=name)
boxes = [client.containers.get(name) for name in ("ada", "bob", "cyd")]
classes = len({box.image.id for box in boxes})
objects = len({box.id for box in boxes})
