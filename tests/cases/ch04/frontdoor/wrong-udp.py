# finding: The protocol comes after the port
forget("frontdoor")
ports = {"5000/udp": mine.port("frontdoor")}
client.containers.run("training/webapp", "python app.py", name="frontdoor", ports=ports, detach=True)
