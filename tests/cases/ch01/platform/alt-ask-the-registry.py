forget("native")
client.containers.run("busybox", "uname -m", name="native")
only = client.images.get_registry_data("busybox").attrs["Platforms"][0]
platform = f"{only['os']}/{only['architecture']}"
