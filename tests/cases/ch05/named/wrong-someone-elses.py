# finding: answer tag: value: found '2.11'
image = client.images.get("ada/greeting:1.0")
image.tag("ada/greeting", tag="stable")
image.tag(mine.word("named") + "/greeting", tag="1.0")
registry, tag = "registry.example.com:5966", "2.11"
