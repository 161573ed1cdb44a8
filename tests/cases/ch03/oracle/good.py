oracle = client.containers.get("oracle")
last_words = oracle.logs(stderr=False).decode().splitlines()[-1]
complaints = oracle.logs(stdout=False).decode().strip()
