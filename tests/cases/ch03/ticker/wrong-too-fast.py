# finding: at most 2 lines per second
forget("ticker")
loop = "while true; do echo hello world; sleep 0.2; done"
client.containers.run("debian:trixie", ["/bin/sh", "-c", loop], name="ticker", detach=True)
import time
time.sleep(3)
