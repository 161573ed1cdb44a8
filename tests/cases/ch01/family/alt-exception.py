forget("ada", "bob", "cyd")
for name in ("ada", "bob"):
    client.containers.run("busybox", ["sh", "-c", f"echo {mine.word(name)} | tee /note"], name=name)
try:
    client.containers.run("busybox:latest", "cat /note", name="cyd")
except docker.errors.ContainerError as error:
    print(error)
