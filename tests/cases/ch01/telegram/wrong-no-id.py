# finding: answer telegram_id: value: found none
forget("telegram")
client.containers.run("busybox", ["echo", mine.word("telegram")], name="telegram")
