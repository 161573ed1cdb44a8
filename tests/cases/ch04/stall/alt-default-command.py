forget("stall")
stall = client.containers.create("training/webapp:latest", name="stall", publish_all_ports=True)
stall.start()
stall_port = int(client.api.port("stall", 5000)[0]["HostPort"])
