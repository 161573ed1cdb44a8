# The other way round: all stays but the page and the notes.
forget("tidy", image="ada/tidy:1.0")
(site / ".dockerignore").write_text("# all but one\n*\n!page.html\n!drawer/notes.txt\n")
client.images.build(path=str(site.resolve()), tag="ada/tidy:1.0", rm=True, nocache=True)
box = client.containers.create("ada/tidy:1.0", name="tidy")
box.start()
