# finding: container native: command: expected
forget("native")
client.containers.run("busybox", ["echo", client.info()["Architecture"]], name="native")
image = client.images.get("busybox")
platform = image.attrs["Os"] + "/" + image.attrs["Architecture"]
