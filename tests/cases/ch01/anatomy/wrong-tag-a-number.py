# finding: answer tag: value: found
registry, _, rest = long_name.partition("/")
repository, _, tag = rest.partition(":")
tag = float(tag)
completed = f"docker.io/library/{short_name}:latest"
