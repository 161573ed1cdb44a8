# finding: standard input: expected open, found closed
forget("dialog")
client.containers.run("debian:trixie", ["cat", "/proc/version"], name="dialog", tty=True)
