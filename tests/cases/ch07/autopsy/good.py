forget("revived")
seen = client.containers.get("autopsy").attrs
program, arguments = seen["Path"], seen["Args"]
client.containers.run("page", ["/etc/group"], name="revived")
