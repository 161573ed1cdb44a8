# finding: answer repository: value: found
registry, namespace, rest = long_name.split("/")
repository, tag = rest.split(":")
repository = f"{namespace}/{repository}"
completed = f"docker.io/library/{short_name}:latest"
