# finding: state: expected running, found exited
forget("whisperer")
command = "python -m http.server 5000 --bind here"
options = {"name": "whisperer", "ports": {"5000/tcp": mine.port("whisperer")}, "detach": True}
client.containers.run("training/webapp", command, **options).wait(timeout=30)
