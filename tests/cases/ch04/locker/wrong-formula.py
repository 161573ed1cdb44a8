# finding: answer seconds: value: found
folder = "/vault/7"
owner = client.containers.get("locker").attrs["Config"]["Env"][0].split("=")[1]
seconds = "$((N * 3))"
