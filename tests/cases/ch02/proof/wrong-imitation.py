# finding: image: expected 'hello-world'
forget("proof")
client.containers.run("busybox", ["echo", "Hello from Docker!"], name="proof")
signs = {"command not found": "client", "Cannot connect": "engine", "no such host": "registry"}
suspects = [part for message in messages for sign, part in signs.items() if sign in message]
