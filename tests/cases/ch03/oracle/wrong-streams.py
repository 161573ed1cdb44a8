# finding: answer complaints: value: found
oracle = client.containers.get("oracle")
last_words = oracle.logs(stderr=False).decode().splitlines()[-1]
complaints = oracle.logs().decode().strip()
