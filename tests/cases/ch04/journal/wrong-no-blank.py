# finding: container blank: presence: expected there
forget("journal", "blank")
journal = client.containers.run("busybox", "sleep 1000", name="journal", init=True, detach=True)
journal.exec_run(["sh", "-c", f"echo {mine.word('journal')} > /entry"])
journal.restart()
