# finding: exit code: expected 0, found 137
import time
memoir = client.containers.get("memoir")
line = memoir.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
memoir.start()
line._sock.sendall(b"echo tuesday >> /memoir\n")
time.sleep(1)
memoir.stop(timeout=0)
