broken = client.containers.get("quitter")
print(broken.wait()["StatusCode"])
broken.rename("quitter-before")
forget("quitter-before")
ports = {"5000/tcp": mine.port("quitter")}
client.containers.run("training/webapp", name="quitter", ports=ports, detach=True)
