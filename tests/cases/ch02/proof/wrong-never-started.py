# finding: exit code: expected 0
forget("proof")
client.containers.create("hello-world", name="proof")
signs = {"command not found": "client", "Cannot connect": "engine", "no such host": "registry"}
suspects = [part for message in messages for sign, part in signs.items() if sign in message]
