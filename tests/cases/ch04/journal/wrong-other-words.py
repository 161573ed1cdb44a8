# finding: file /entry: expected one with 'zelenta'
forget("journal", "blank")
journal = client.containers.run("busybox", "sleep 1000", name="journal", init=True, detach=True)
journal.exec_run(["sh", "-c", "echo day one > /entry"])
journal.restart()
client.containers.run("busybox", "sleep 1000", name="blank", detach=True)
