# finding: container cyd: presence: expected there
forget("ada", "bob", "cyd")
for name in ("ada", "bob"):
    client.containers.run("busybox", ["echo", name], name=name)
classes, objects = 1, 3
