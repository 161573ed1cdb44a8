# finding: answer tag: value: found
registry, namespace, rest = long_name.split("/")
repository, tag = rest.split(":")
tag = ":" + tag
completed = f"docker.io/library/{short_name}:latest"
