# finding: container revived: command: expected ["cat", "/solinda"], found ["cat"]
forget("revived")
seen = client.containers.get("autopsy").attrs
program, arguments = seen["Path"], seen["Args"]
!docker run --name revived page
