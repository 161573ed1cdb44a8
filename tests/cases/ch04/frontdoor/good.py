forget("frontdoor")
print("your port:", mine.port("frontdoor"))
ports = {"5000/tcp": mine.port("frontdoor")}
client.containers.run("training/webapp", "python app.py", name="frontdoor", ports=ports, detach=True)
