# finding: answer full_name: value: found 'docker.io/hello/world:latest'
forget("courier")
client.containers.run("hello-world", name="courier")
full_name = "docker.io/hello/world:latest"
