# finding: exit code: expected 143, 129, 130 or 131, found 137
forget("polite")
command = ["sleep", str(mine.number("polite", 1000, 1999))]
polite = client.containers.run("busybox", command, name="polite", detach=True)
polite.stop(timeout=1)
