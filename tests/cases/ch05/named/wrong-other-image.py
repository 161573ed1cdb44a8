# finding: image ada/greeting:stable: id: expected that of image ada/greeting:1.0
image = client.images.get("ada/greeting:1.0")
client.images.get("debian").tag("ada/greeting", "stable")
image.tag(mine.word("named") + "/greeting", tag="1.0")
registry, tag = "registry.example.com:5966", "2.38"
