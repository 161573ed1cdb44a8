# finding: answer registry: value: found 'registry.example.com'
image = client.images.get("ada/greeting:1.0")
image.tag("ada/greeting", tag="stable")
image.tag(mine.word("named") + "/greeting", tag="1.0")
registry, tag = "registry.example.com", "2.38"
