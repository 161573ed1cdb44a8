# finding: file /memoir: expected one with 'monday
forget("memoir")
memoir = client.containers.create("debian:trixie", "sh", name="memoir", stdin_open=True, tty=True)
line = memoir.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
memoir.start()
line._sock.sendall(b"echo tuesday >> /memoir\nexit\n")
memoir.wait(timeout=30)
