import re
locker = client.containers.get("locker")
folder = locker.exec_run("pwd").output.decode()
owner = re.search("OWNER=(.*)", "\n".join(locker.attrs["Config"]["Env"]))[1]
seconds = int(re.search(r"sleep (\d+)", str(locker.top(ps_args="-o pid,args")["Processes"]))[1])
