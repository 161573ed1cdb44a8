# finding: answer owner: value: found 'OWNER=
locker = client.containers.get("locker")
folder = locker.attrs["Config"]["WorkingDir"]
owner = [pair for pair in locker.attrs["Config"]["Env"] if pair.startswith("OWNER")][0]
seconds = 3 * 1924
