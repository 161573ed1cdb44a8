# finding: answer folder: value: found '/'
locker = client.containers.get("locker")
folder = "/"
owner = locker.exec_run("sh -c 'echo $OWNER'").output.decode()
seconds = int(locker.exec_run("sh -c 'echo $((N * 3))'").output)
