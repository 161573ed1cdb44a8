# finding: `.strip()` removes
log = client.containers.get("oracle").logs
last_words = log(stderr=False).decode().splitlines()[-1] + "\n"
complaints = log(stdout=False).decode()
