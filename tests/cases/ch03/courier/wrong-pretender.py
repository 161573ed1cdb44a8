# finding: image: expected 'hello-world', found 'busybox'
forget("courier")
client.containers.run("busybox", ["echo", "Hello from Docker!"], name="courier")
full_name = "hello-world:latest"
