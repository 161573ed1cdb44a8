# finding: output: expected 'tuesday'
# Another program in the same container: its shell heard nothing.
memoir = client.containers.get("memoir")
memoir.start()
memoir.exec_run(["sh", "-c", "echo tuesday >> /memoir"])
line = memoir.attach_socket(params={"stdin": 1, "stream": 1})
line._sock.sendall(b"exit 0\n")
memoir.wait(timeout=30)
