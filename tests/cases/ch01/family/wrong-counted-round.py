# finding: answer classes: value: found 3
forget("ada", "bob", "cyd")
for name in ("ada", "bob", "cyd"):
    client.containers.run("busybox", ["echo", name], name=name)
classes, objects = 3, 1
