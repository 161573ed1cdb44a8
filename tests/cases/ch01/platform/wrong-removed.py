# finding: container native: presence: expected there
forget("native")
client.containers.run("busybox", "uname -m", name="native", remove=True)
image = client.images.get("busybox")
platform = image.attrs["Os"] + "/" + image.attrs["Architecture"]
