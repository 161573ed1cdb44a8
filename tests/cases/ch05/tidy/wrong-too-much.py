# finding: output: expected 'page.html'
forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("**/*.key\n*.html\n")
client.images.build(path="build/tidy", tag="ada/tidy:1.0")
client.containers.run("ada/tidy:1.0", name="tidy")
