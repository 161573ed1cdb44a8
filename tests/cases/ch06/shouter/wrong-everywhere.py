# finding: found 0.0.0.0:
forget("shouter")
loud = program.replace("sendto(words,", "sendto(words.upper(),")
client.containers.run("training/webapp", ["python", "-c", loud], name="shouter", ports={"5000/udp": mine.port("shouter")}, detach=True)
