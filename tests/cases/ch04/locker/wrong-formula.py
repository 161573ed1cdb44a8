# finding: answer seconds: value: found
folder = client.containers.get("locker").attrs["Config"]["WorkingDir"]
owner = client.containers.get("locker").attrs["Config"]["Env"][0].split("=")[1]
seconds = "$((N * 3))"
