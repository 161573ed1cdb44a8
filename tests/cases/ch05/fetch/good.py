forget(image="httpd")
image = client.images.pull("httpd", tag="latest")
announces = list(image.attrs["Config"]["ExposedPorts"])[0]
official = client.images.search("webapp")[0]["is_official"]
