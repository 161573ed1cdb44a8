import time
forget("polite")
polite = client.containers.create("busybox", f"sleep {mine.number('polite', 1000, 1999)}", name="polite", init=True)
polite.start()
time.sleep(1)
polite.stop(timeout=5)
