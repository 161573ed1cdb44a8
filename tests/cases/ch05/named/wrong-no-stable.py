# finding: image ada/greeting:stable: presence: expected there
image = client.images.get("ada/greeting:1.0")
image.tag(mine.word("named") + "/greeting", tag="1.0")
registry, tag = "registry.example.com:5966", "2.38"
