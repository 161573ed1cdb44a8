# The image's own server speaks TCP; the second program takes the UDP door beside it.
forget("shouter")
loud = program.replace("sendto(words,", "sendto(words.upper(),")
box = client.containers.run("training/webapp", name="shouter", ports={"5000/udp": ("127.0.0.1", mine.port("shouter"))}, detach=True)
box.exec_run(["python", "-c", loud], detach=True)
