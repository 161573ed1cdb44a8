# finding: image: expected 'debian:trixie', found 'busybox'
forget("dialog")
box = client.containers.create("busybox", "sh", name="dialog", stdin_open=True, tty=True)
line = box.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
box.start()
line._sock.sendall(b"cat /proc/version\nexit\n")
box.wait(timeout=30)
