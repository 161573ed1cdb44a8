# finding: image: expected 'hello-world'
forget("proof")
client.containers.run("busybox", ["echo", "Hello from Docker!"], name="proof")
pull_step = 2
