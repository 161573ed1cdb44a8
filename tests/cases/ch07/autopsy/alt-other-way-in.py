# Another entrypoint gives the same command line.
forget("revived")
program, arguments = "cat", ["cat", "/" + mine.word("autopsy")]
client.containers.run("page", ["cat", "/" + mine.word("autopsy")], entrypoint=[], name="revived", detach=True).wait(timeout=30)
