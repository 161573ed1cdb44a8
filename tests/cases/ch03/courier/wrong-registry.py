# finding: answer full_name: value: found 'ghcr.io/library/hello-world:latest'
forget("courier")
client.containers.run("hello-world", name="courier")
full_name = "ghcr.io/library/hello-world:latest"
