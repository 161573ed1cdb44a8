# finding: answer platform: value: found
forget("native")
client.containers.run("busybox", "uname -m", name="native")
info = client.info()
platform = info["OSType"] + "/" + info["Architecture"]
