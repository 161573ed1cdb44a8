# finding: its type is not
locker = client.containers.get("locker")
folder = locker.attrs["Config"]["WorkingDir"]
owner = locker.exec_run("sh -c 'echo $OWNER'").output.decode()
seconds = locker.exec_run("sh -c 'echo $((N * 3))'").output.decode().strip()
