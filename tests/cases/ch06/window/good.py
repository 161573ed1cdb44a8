forget("window")
door = {"5000/tcp": ("127.0.0.1", mine.port("window"))}
client.containers.run("training/webapp", ["python", "app.py"], name="window", ports=door, detach=True)
