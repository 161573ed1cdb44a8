# finding: state: expected running, found exited
forget("shouter")
loud = program.replace("import socket", "import sockets")
door = {"5000/udp": ("127.0.0.1", mine.port("shouter"))}
client.containers.run("training/webapp", ["python", "-c", loud], name="shouter", ports=door, detach=True).wait()
