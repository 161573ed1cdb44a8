# finding: its type is not
locker = client.containers.get("locker")
folder = locker.attrs["Config"]["WorkingDir"]
owner = mine.word("locker")
seconds = str(3 * mine.number("locker", 1000, 1999))
