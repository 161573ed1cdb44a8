# finding: answer seconds: value: found
locker = client.containers.get("locker")
folder = locker.attrs["Config"]["WorkingDir"]
settings = dict(pair.split("=", 1) for pair in locker.attrs["Config"]["Env"])
owner = settings["OWNER"]
seconds = int(settings["N"])
