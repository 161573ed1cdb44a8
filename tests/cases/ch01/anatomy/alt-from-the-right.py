name, tag = long_name.rsplit(":", 1)
registry, repository = name.split("/", 1)
completed = ":".join(["docker.io/library/" + mine.word("anatomy"), "latest"])
