data = client.images.get_registry_data("busybox")
only = data.attrs["Platforms"][0]
platform = f"{only['os']}/{only['architecture']}"
suits = data.has_platform(client.version()["Os"] + "/" + client.version()["Arch"])
