# finding: answer suits: value: found false
image = client.images.get("busybox")
platform = image.attrs["Os"] + "/" + image.attrs["Architecture"]
suits = image.attrs["Architecture"] == client.info()["Architecture"]
