# finding: image: expected 'ada/tidy:1.0', found 'ada/tidy:leaky'
forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("**/*.key")
client.images.build(path="build/tidy", tag="ada/tidy:1.0")
client.containers.run("ada/tidy:leaky", name="tidy")
