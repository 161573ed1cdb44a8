# finding: file /entry: expected there
forget("journal", "blank")
journal = client.containers.run("busybox", "sleep 1000", name="journal", init=True, detach=True)
journal.exec_run(f"echo {mine.word('journal')} > /entry")
journal.restart()
client.containers.run("busybox", "sleep 1000", name="blank", detach=True)
