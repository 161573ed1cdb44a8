# Another entrypoint gives the same command line.
forget("revived")
program, arguments = "cat", ["cat", "/etc/group"]
client.containers.run("page", ["cat", "/etc/group"], entrypoint=[], name="revived", detach=True).wait(timeout=30)
