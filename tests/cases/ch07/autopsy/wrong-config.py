# finding: answer program: value: found ["cat"]
forget("revived")
seen = client.containers.get("autopsy").attrs["Config"]
program, arguments = seen["Entrypoint"], seen["Cmd"]
!docker run --name revived page /{mine.word("autopsy")}
