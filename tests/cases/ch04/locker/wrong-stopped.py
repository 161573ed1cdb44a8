# finding: state: expected running, found exited
locker = client.containers.get("locker")
folder = locker.attrs["Config"]["WorkingDir"]
owner = locker.exec_run("sh -c 'echo $OWNER'").output.decode()
seconds = int(locker.exec_run("sh -c 'echo $((N * 3))'").output)
locker.stop(timeout=1)
