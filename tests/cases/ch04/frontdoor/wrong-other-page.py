# finding: answer: expected a page with
forget("frontdoor")
ports = {"5000/tcp": mine.port("frontdoor")}
client.containers.run("training/webapp", "python -m http.server 5000", name="frontdoor", ports=ports, detach=True)
