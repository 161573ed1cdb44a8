broken = client.containers.get("quitter")
quitter_code = broken.wait()["StatusCode"]
broken.rename("quitter-before")
client.containers.run("training/webapp", name="quitter", ports={"5000/tcp": None}, detach=True)
forget("quitter-before")
