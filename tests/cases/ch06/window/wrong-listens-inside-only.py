# finding: its program does not answer
forget("window")
serve = "python -m http.server --bind 127.0.0.1 5000"
door = {"5000/tcp": ("127.0.0.1", mine.port("window"))}
client.containers.run("training/webapp", serve, name="window", ports=door, detach=True)
