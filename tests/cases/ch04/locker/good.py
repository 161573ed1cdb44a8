locker = client.containers.get("locker")
folder = locker.attrs["Config"]["WorkingDir"]
owner = [pair for pair in locker.attrs["Config"]["Env"] if pair.startswith("OWNER=")][0][6:]
commands = [process[-1] for process in locker.top()["Processes"]]
seconds = [int(line.split()[1]) for line in commands if line.startswith("sleep")][0]
