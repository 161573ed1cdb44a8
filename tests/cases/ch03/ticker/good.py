forget("ticker")
loop = "while true; do echo hello world; sleep 1; done"
client.containers.run("debian:trixie", ["/bin/sh", "-c", loop], name="ticker", detach=True)
