# finding: container cyd: exit code: expected 1
forget("ada", "bob", "cyd")
for name in ("ada", "bob"):
    client.containers.run("busybox", ["sh", "-c", f"echo {mine.word(name)} > /note"], name=name)
client.containers.run("busybox", ["sh", "-c", "echo hi > /note; cat /note"], name="cyd")
