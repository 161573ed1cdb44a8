import time
forget("dialog")
box = client.containers.run("debian:trixie", ["bash"], name="dialog", stdin_open=True, tty=True, detach=True)
line = box.attach_socket(params={"stdin": 1, "stream": 1})._sock
time.sleep(1)
for typed in (b"cat /proc/version\r", b"exit\r"):
    line.sendall(typed)
    time.sleep(0.5)
