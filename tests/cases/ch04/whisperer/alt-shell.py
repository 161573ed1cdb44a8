import time
forget("whisperer")
command = ["sh", "-c", "cd /opt/webapp && exec python3 -m http.server -b 0.0.0.0 5000"]
box = client.containers.create("training/webapp", command, name="whisperer", ports={5000: mine.port("whisperer")}, init=True)
box.start()
time.sleep(1)
