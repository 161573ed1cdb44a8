# finding: exit code: expected 78, found 0
forget("grumble")
script = f"all is well; echo {mine.word('grumble')} >&2; exit {mine.number('grumble', 3, 99)}"
client.containers.run("busybox", ["echo", script], name="grumble")
