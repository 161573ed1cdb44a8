# finding: output: expected 'Linux version
forget("dialog")
script = "echo cat /proc/version; echo Linux version 6.6.6"
client.containers.run("debian:trixie", ["sh", "-c", script], name="dialog", tty=True, stdin_open=True)
