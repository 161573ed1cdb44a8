# finding: exit code: expected 143 or 130, found 137
forget("polite")
polite = client.containers.run("busybox", ["sleep", "1000"], name="polite", detach=True)
polite.stop(timeout=1)
