quitter = client.containers.get("quitter")
quitter_code = quitter.attrs["State"]["ExitCode"]
quitter.remove()
options = {"name": "quitter", "publish_all_ports": True, "detach": True}
client.containers.run("training/webapp", ["python", "app.py"], **options)
