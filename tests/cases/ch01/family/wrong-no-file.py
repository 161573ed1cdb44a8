# finding: container ada: file /note: expected
forget("ada", "bob", "cyd")
for name in ("ada", "bob"):
    client.containers.run("busybox", ["echo", mine.word(name)], name=name)
client.containers.run("busybox", ["cat", "/note"], name="cyd", detach=True).wait(timeout=30)
