# finding: output: expected 'cat /proc/version', found 'Linux version
forget("dialog")
client.containers.run("debian:trixie", ["cat", "/proc/version"], name="dialog", tty=True, stdin_open=True)
