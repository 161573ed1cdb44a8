# finding: answer completed: value: found
registry, namespace, rest = long_name.split("/")
repository, tag = rest.split(":")
completed = f"docker.io/{short_name}:latest"
