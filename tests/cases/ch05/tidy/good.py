forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("*.key")
client.images.build(path="build/tidy", tag="ada/tidy:1.0", rm=True)
client.containers.run("ada/tidy:1.0", name="tidy")
