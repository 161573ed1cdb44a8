# finding: at most 2 lines per second
# Five lines a second, checked at once: there are only few lines to count yet.
forget("ticker")
loop = f"while true; do echo hello {mine.word('ticker')}; sleep 0.2; done"
client.containers.run("debian:trixie", ["/bin/sh", "-c", loop], name="ticker", detach=True)
