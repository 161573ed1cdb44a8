# finding: answer platform: value: found
forget("native")
client.containers.run("busybox", "uname -m", name="native")
platform = client.images.get("busybox").attrs["Architecture"]
