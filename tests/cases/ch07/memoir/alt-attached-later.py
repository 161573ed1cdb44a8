# A shell that waits for input can be attached to while it runs; the end of the input is a way out.
import time
memoir = client.containers.get("memoir")
memoir.start()
line = memoir.attach_socket(params={"stdin": 1, "stream": 1})._sock
line.sendall(b"cat /memoir; echo tuesday | tee -a /memoir\r")
time.sleep(1)
line.sendall(b"\x04")
memoir.wait(timeout=30)
