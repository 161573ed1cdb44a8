# finding: container bob: file /note: expected
forget("ada", "bob", "cyd")
for name in ("ada", "bob"):
    client.containers.run("busybox", ["sh", "-c", f"echo {mine.word('ada')} > /note"], name=name)
client.containers.run("busybox", ["cat", "/note"], name="cyd", detach=True).wait(timeout=30)
