# finding: creation: expected by `scene("locker")`, found another container of that name
locker = client.containers.get("locker")
folder = locker.attrs["Config"]["WorkingDir"]
owner = locker.exec_run("sh -c 'echo $OWNER'").output.decode()
seconds = int(locker.exec_run("sh -c 'echo $((N * 3))'").output)
forget("locker")
!docker run -d --init --name locker busybox sleep 1000
