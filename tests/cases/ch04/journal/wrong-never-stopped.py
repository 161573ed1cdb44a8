# finding: life: expected ended once, running again
forget("journal", "blank")
journal = client.containers.run("busybox", "sleep 1000", name="journal", init=True, detach=True)
journal.exec_run(["sh", "-c", f"echo {mine.word('journal')} > /entry"])
client.containers.run("busybox", "sleep 1000", name="blank", detach=True)
