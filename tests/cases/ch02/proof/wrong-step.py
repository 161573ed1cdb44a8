# finding: answer pull_step: value: found 3
forget("proof")
client.containers.run("hello-world", name="proof")
pull_step = 3
