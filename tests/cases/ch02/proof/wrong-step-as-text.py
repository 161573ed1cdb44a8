# finding: it should be a number
forget("proof")
client.containers.run("hello-world", name="proof")
pull_step = "2"
