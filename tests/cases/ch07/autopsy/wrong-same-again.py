# finding: container revived: exit code: expected 0, found 1
forget("revived")
seen = client.containers.get("autopsy").attrs
program, arguments = seen["Path"], seen["Args"]
!docker run --name revived page cat /{mine.word("autopsy")}
