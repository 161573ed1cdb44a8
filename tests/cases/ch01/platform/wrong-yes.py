# finding: answer suits: value: found 'yes'
image = client.images.get("busybox")
platform = image.attrs["Os"] + "/" + image.attrs["Architecture"]
suits = "yes"
