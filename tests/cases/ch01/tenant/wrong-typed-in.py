# finding: command: expected
forget("tenant")
line = mine.word("tenant") + " " + client.info()["KernelVersion"]
client.containers.run("debian:trixie", ["echo", line], name="tenant")
