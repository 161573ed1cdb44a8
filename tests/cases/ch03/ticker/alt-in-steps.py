forget("ticker")
loop = f"while :; do date; echo hello {mine.word('ticker')}; sleep 1; done"
box = client.containers.create("debian:trixie", ["sh", "-c", loop], name="ticker")
box.start()
