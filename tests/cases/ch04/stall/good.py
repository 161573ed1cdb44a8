forget("stall")
options = {"name": "stall", "detach": True, "publish_all_ports": True}
stall = client.containers.run("training/webapp", ["python", "app.py"], **options)
stall.reload()
stall_port = int(stall.ports["5000/tcp"][0]["HostPort"])
