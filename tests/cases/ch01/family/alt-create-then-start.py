forget("ada", "bob", "cyd")
made = [client.containers.create("busybox", ["echo", name], name=name) for name in ("cyd", "ada", "bob")]
for box in made:
    box.start()
classes = len(set(box.attrs["Image"] for box in made))
objects = len(made)
