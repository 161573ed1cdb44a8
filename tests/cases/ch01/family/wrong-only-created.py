# finding: container bob: exit code: expected 0
forget("ada", "bob", "cyd")
boxes = [client.containers.create("busybox", ["echo", name], name=name) for name in ("ada", "bob", "cyd")]
boxes[0].start()
classes, objects = 1, 3
