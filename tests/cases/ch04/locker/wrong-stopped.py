# finding: state: expected running, found exited
locker = client.containers.get("locker")
folder, owner, seconds = "/vault/7", mine.word("locker"), 3 * mine.number("locker", 1000, 1999)
locker.stop(timeout=1)
