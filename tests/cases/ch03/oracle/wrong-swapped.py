# finding: answer last_words: value: found 'scale 
oracle = client.containers.get("oracle")
complaints = oracle.logs(stderr=False).decode().splitlines()[-1]
last_words = oracle.logs(stdout=False).decode().strip()
