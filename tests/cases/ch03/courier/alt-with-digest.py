# The tag and the digest: the most that a name can say.
forget("courier")
client.containers.run("hello-world", name="courier")
digest = client.images.get_registry_data("hello-world:latest").id
full_name = f"docker.io/library/hello-world:latest@{digest}"
