# finding: exit code: expected 4, found 0
forget("grumble")
client.containers.run("busybox", ["echo", "all is well; echo not quite >&2; exit 4"], name="grumble")
