# finding: answer full_name: value: expected plain data
forget("courier")
client.containers.run("hello-world", name="courier")
full_name = client.images.get("hello-world")
