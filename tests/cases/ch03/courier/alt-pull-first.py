forget("courier")
full_name = "hello-world:latest"
client.images.pull("hello-world", tag="latest")
client.containers.create(full_name, name="courier").start()
