# finding: answer platform: value: found
platform = client.images.get("busybox").attrs["Architecture"]
suits = True
