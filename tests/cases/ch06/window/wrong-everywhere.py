# finding: found 0.0.0.0:
forget("window")
door = {"5000/tcp": mine.port("window")}
client.containers.run("training/webapp", name="window", ports=door, detach=True)
