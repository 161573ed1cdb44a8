# finding: container revived: command: expected ["cat", "/etc/group"], found ["cat", "/etc/passwd"]
forget("revived")
seen = client.containers.get("autopsy").attrs
program, arguments = seen["Path"], seen["Args"]
!docker run --name revived page
