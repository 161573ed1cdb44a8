name, tag = long_name.rsplit(":", 1)
registry, namespace, repository = name.split("/")
completed = ":".join(["docker.io/library/" + mine.word("anatomy"), "latest"])
