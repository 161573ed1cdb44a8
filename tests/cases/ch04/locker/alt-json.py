import json
import subprocess
told = json.loads(subprocess.run(["docker", "inspect", "locker"], capture_output=True, check=True).stdout)[0]
folder = told["Config"]["WorkingDir"]
settings = dict(pair.split("=", 1) for pair in told["Config"]["Env"])
owner = settings["OWNER"]
seconds = 3 * int(settings["N"])
