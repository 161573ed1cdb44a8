# finding: answer telegram_id: value: found 'telegram'
forget("telegram")
client.containers.run("busybox", ["echo", mine.word("telegram")], name="telegram")
telegram_id = "telegram"
