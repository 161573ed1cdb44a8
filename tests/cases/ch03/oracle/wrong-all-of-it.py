# finding: answer last_words: value: found 'weighed 7
oracle = client.containers.get("oracle")
last_words = oracle.logs(stderr=False).decode().strip()
complaints = oracle.logs(stdout=False).decode().strip()
