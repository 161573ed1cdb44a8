# finding: answer
# Its own loopback is no way in from outside.
forget("shouter")
loud = program.replace("sendto(words,", "sendto(words.upper(),").replace('bind((""', 'bind(("127.0.0.1"')
door = {"5000/udp": ("127.0.0.1", mine.port("shouter"))}
client.containers.run("training/webapp", ["python", "-c", loud], name="shouter", ports=door, detach=True)
