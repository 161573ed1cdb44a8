forget("grumble")
script = f"echo {mine.word('grumble')} >&2; echo all is well && exit {mine.number('grumble', 3, 99)}"
try:
    client.containers.run("busybox", ["/bin/sh", "-c", script], name="grumble", stderr=True)
except docker.errors.ContainerError as error:
    print(error.exit_status)
