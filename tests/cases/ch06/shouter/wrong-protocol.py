# finding: The protocol comes after the port: `5000/udp`
forget("shouter")
loud = program.replace("sendto(words,", "sendto(words.upper(),")
door = {"5000/tcp": ("127.0.0.1", mine.port("shouter"))}
client.containers.run("training/webapp", ["python", "-c", loud], name="shouter", ports=door, detach=True)
