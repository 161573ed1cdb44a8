# finding: answer owner: value: found
# What `mine` gives is for other tasks.
folder = client.containers.get("locker").attrs["Config"]["WorkingDir"]
owner = mine.word("locker")
seconds = 3 * mine.number("locker", 1000, 1999)
