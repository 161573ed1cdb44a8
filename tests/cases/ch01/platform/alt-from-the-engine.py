forget("native")
client.containers.run("busybox", ["sh", "-c", "uname -m"], name="native", detach=True)
known = client.version()
platform = f"{known['Os']}/{known['Arch']}"
