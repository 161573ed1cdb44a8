# finding: answer namespace: value: found none
registry, team, rest = long_name.split("/")
repository, tag = rest.split(":")
completed = f"docker.io/library/{short_name}:latest"
