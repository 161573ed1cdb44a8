for _ in range(2):
    client.containers.get("quitter").remove(force=True)
    ports = {"5000/tcp": mine.port("quitter")}
    client.containers.run("training/webapp", ["python", "app.py"], name="quitter", ports=ports, detach=True)
