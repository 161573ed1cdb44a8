# A newline at the end is no other answer.
box = client.containers.get("oracle")
complaints = str(box.logs(stdout=False, stderr=True), "utf-8")
last_words = box.logs(stdout=True, stderr=False).decode().splitlines()[-1] + "\n"
