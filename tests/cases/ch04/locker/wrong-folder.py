# finding: answer folder: value: found '/'
locker = client.containers.get("locker")
folder = "/"
owner = mine.word("locker")
seconds = 3 * mine.number("locker", 1000, 1999)
