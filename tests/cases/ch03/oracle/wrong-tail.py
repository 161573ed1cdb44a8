# finding: answer last_words: value: found ''
# `tail` counts the lines of both streams, and the last line of all is a complaint.
oracle = client.containers.get("oracle")
last_words = oracle.logs(stderr=False, tail=1).decode().strip()
complaints = oracle.logs(stdout=False).decode().strip()
