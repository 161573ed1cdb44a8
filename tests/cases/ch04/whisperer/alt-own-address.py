client.containers.get("whisperer").remove(force=True)
command = ["sh", "-c", "python -m http.server 5000 --bind $(hostname -i 2>/dev/null || echo 0.0.0.0)"]
options = {"name": "whisperer", "ports": {"5000/tcp": ("127.0.0.1", mine.port("whisperer"))}, "detach": True}
client.containers.run("training/webapp", command, **options)
