# finding: answer suspects: value: found
forget("proof")
client.containers.run("hello-world", name="proof")
suspects = ["engine"] * 3
