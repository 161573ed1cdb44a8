# finding: container cyd: image: expected 'busybox', found 'debian:trixie'
forget("ada", "bob", "cyd")
for name in ("ada", "bob"):
    client.containers.run("busybox", ["sh", "-c", f"echo {mine.word(name)} > /note"], name=name)
client.containers.run("debian:trixie", ["cat", "/note"], name="cyd", detach=True).wait(timeout=30)
