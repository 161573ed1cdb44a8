forget("window")
port = mine.port("window")
box = client.containers.create("training/webapp", name="window", ports={5000: ("127.0.0.1", port)})
box.start()
