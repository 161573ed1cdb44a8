# finding: answer objects: value: found none
forget("ada", "bob", "cyd")
for name in ("ada", "bob", "cyd"):
    client.containers.run("busybox", ["echo", name], name=name)
classes = 1
