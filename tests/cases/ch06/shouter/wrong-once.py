# finding: answer
# It answers the first one and ends.
forget("shouter")
door = {"5000/udp": ("127.0.0.1", mine.port("shouter"))}
brief = program.replace("sendto(words,", "sendto(words.upper(),").replace("while True:", "for _ in [1]:")
client.containers.run("training/webapp", ["python", "-c", brief], name="shouter", ports=door, detach=True)
