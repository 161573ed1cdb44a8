# finding: container telegram: exit code: expected 0
forget("telegram")
box = client.containers.create("busybox", ["echo " + mine.word("telegram")], name="telegram")
telegram_id = box.id
try:
    box.start()
except docker.errors.APIError as refused:
    print(refused.explanation)
