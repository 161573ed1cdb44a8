# finding: container cyd: presence: expected there
forget("ada", "bob", "cyd")
for name in ("ada", "bob"):
    client.containers.run("busybox", ["sh", "-c", f"echo {mine.word(name)} > /note"], name=name)
