import os
from pathlib import PurePosixPath
locker = client.containers.get("locker")
folder = PurePosixPath(locker.attrs["Config"]["WorkingDir"])
owner = str(locker.exec_run("sh -c 'echo $OWNER'").output, "utf-8").rstrip(os.linesep)
seconds = 3 * int(locker.exec_run("sh -c 'echo $N'").output)
