# finding: image ada/greeting:1.0: same image: expected
image = client.images.get("ada/greeting:1.0")
image.tag("ada/greeting", tag="stable")
image.tag(mine.word("named") + "/greeting", tag="stable")
registry, tag = "registry.example.com:5966", "2.38"
