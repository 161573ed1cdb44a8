# finding: container bob: command: expected
forget("ada", "bob", "cyd")
for name in ("ada", "bob", "cyd"):
    client.containers.run("busybox", ["echo", "ada"], name=name)
classes, objects = 1, 3
