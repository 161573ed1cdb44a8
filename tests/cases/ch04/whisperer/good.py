client.containers.get("whisperer").remove(force=True)
command = "python -u -m http.server 5000 --bind 0.0.0.0"
options = {"name": "whisperer", "ports": {"5000/tcp": 5020}, "detach": True}
client.containers.run("training/webapp", command, **options)
