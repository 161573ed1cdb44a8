forget("grumble")
script = "echo all is well; echo not quite >&2; exit 4"
client.containers.run("busybox", ["sh", "-c", script], name="grumble", detach=True).wait()
