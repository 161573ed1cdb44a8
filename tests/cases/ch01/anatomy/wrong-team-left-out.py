# finding: answer repository: value: found 'shop'
registry = "registry.example.org:5000"
repository = long_name.split("/")[-1].split(":")[0]
tag = long_name.split(":")[-1]
completed = f"docker.io/library/{short_name}:latest"
