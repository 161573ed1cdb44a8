# finding: container tidy: presence: expected there
forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("**/*.key")
client.images.build(path="build/tidy", tag="ada/tidy:1.0")
