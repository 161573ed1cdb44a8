# finding: answer completed: value: found
registry, _, rest = long_name.partition("/")
repository, _, tag = rest.partition(":")
completed = f"docker.io/library/{short_name}"
