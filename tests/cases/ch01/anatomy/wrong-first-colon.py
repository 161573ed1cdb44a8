# finding: answer registry: value: found
registry, namespace, rest = long_name.split("/")
repository, tag = rest.split(":")
registry = long_name.split(":")[0]
completed = f"docker.io/library/{short_name}:latest"
