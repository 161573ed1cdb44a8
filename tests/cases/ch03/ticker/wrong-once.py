# finding: state: expected running, found exited
forget("ticker")
client.containers.run("debian:trixie", ["echo", "hello world"], name="ticker", detach=True)
