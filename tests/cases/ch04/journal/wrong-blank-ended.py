# finding: state: expected running, found exited
forget("journal", "blank")
journal = client.containers.run("busybox", "sleep 1000", name="journal", init=True, detach=True)
journal.exec_run(["sh", "-c", f"echo {mine.word('journal')} > /entry"])
journal.restart()
client.containers.run("busybox", name="blank", detach=True).wait(timeout=30)
