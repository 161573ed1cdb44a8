import time
forget("polite")
polite = client.containers.create("busybox", "sleep 1000", name="polite", init=True)
polite.start()
time.sleep(1)
polite.stop(timeout=5)
