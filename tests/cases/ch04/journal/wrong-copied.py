# finding: image: expected 'busybox'
forget("journal", "blank")
journal = client.containers.run("busybox", "sleep 1000", name="journal", init=True, detach=True)
journal.exec_run(["sh", "-c", f"echo {mine.word('journal')} > /entry"])
journal.restart()
copy = journal.commit()
client.containers.run(copy, "sleep 1000", name="blank", detach=True)
