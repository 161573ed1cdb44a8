# finding: answer telegram_id: value: found
forget("telegram")
client.containers.run("busybox", ["echo", mine.word("telegram")], name="telegram")
telegram_id = client.containers.get("telegram").image.id
