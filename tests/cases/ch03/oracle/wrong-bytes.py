# finding: Bytes become text with `.decode()`
oracle = client.containers.get("oracle")
last_words = oracle.logs(stderr=False).splitlines()[-1]
complaints = oracle.logs(stdout=False).strip()
