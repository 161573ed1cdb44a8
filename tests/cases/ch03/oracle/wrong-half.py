# finding: answer complaints: value: found none
last_words = client.containers.get("oracle").logs(stderr=False).decode().splitlines()[-1]
