# finding: answer full_name: value: found 'hello-world'
forget("courier")
client.containers.run("hello-world", name="courier")
full_name = "hello-world"
