# finding: image ada/shelf: id: expected that of image busybox
client.images.get("ada/shelf:2.0").tag("ada/shelf", "latest")
different = 6
latest_is = "2.0"
