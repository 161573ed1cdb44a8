# finding: output: expected 'Linux version
forget("dialog")
box = client.containers.create("debian:trixie", "sh", name="dialog", stdin_open=True, tty=True)
line = box.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
box.start()
line._sock.sendall(b"cat /proc/version.\nexit 0\n")
box.wait(timeout=30)
