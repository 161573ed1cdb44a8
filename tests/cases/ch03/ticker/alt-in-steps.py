forget("ticker")
loop = "while :; do date; echo hello world; sleep 1; done"
box = client.containers.create("debian:trixie", ["sh", "-c", loop], name="ticker")
box.start()
