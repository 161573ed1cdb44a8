# finding: expected what was sent, in capital letters, found the same in small letters
forget("shouter")
door = {"5000/udp": ("127.0.0.1", mine.port("shouter"))}
client.containers.run("training/webapp", ["python", "-c", program], name="shouter", ports=door, detach=True)
