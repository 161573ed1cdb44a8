forget("polite")
import time
polite = client.containers.run("busybox", ["sleep", "1000"], name="polite", init=True, detach=True)
time.sleep(1)
polite.stop()
