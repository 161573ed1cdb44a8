forget("grumble")
script = "echo not quite >&2; echo all is well && exit 4"
try:
    client.containers.run("busybox", ["/bin/sh", "-c", script], name="grumble", stderr=True)
except docker.errors.ContainerError as error:
    print(error.exit_status)
