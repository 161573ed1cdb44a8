# finding: file /site/secret.key: expected nothing, found something
forget("tidy", image="ada/tidy:1.0")
client.images.build(path="build/tidy", tag="ada/tidy:1.0")
client.containers.run("ada/tidy:1.0", name="tidy")
