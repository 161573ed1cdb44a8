# Docker Hub's older address: Docker takes it for the same registry.
forget("courier")
client.containers.run("index.docker.io/library/hello-world:latest", name="courier")
full_name = "index.docker.io/library/hello-world:latest"
