# finding: ports: expected
forget("frontdoor")
ports = {"5000/tcp": mine.port("frontdoor") + 1}
client.containers.run("training/webapp", "python app.py", name="frontdoor", ports=ports, detach=True)
