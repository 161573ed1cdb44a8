# finding: answer full_name: value: found none
forget("courier")
client.containers.run("hello-world", name="courier")
