# finding: exit code: expected 0
forget("proof")
client.containers.create("hello-world", name="proof")
pull_step = 2
