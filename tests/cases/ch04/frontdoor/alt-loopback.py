forget("frontdoor")
here = ("127.0.0.1", mine.port("frontdoor"))
box = client.containers.create("training/webapp", name="frontdoor", ports={5000: here})
box.start()
