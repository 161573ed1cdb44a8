# finding: answer tag: value: found
registry, _, rest = long_name.partition("/")
repository, colon, tag = rest.partition(":")
tag = colon + tag
completed = f"docker.io/library/{short_name}:latest"
