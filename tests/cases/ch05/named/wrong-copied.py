# finding: image ada/greeting:stable: id: expected that of image ada/greeting:1.0
forget("copy")
box = client.containers.create("ada/greeting:1.0", name="copy")
box.commit("ada/greeting", tag="stable")
client.images.get("ada/greeting:1.0").tag(mine.word("named") + "/greeting", tag="1.0")
registry, tag = "registry.example.com:5966", "2.38"
