# finding: exit code: expected 0
forget("telegram")
telegram_id = client.containers.create("busybox", ["echo", mine.word("telegram")], name="telegram").id
