# finding: state: expected running, found exited
forget("ticker")
client.containers.run("debian:trixie", ["echo", "hello", mine.word("ticker")], name="ticker", detach=True)
