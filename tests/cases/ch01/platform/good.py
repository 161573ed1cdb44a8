image = client.images.get("busybox")
platform = image.attrs["Os"] + "/" + image.attrs["Architecture"]
suits = client.containers.run("busybox", ["echo", "it runs"], remove=True) == b"it runs\n"
