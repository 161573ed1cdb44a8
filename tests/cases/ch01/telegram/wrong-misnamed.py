# finding: container telegram: presence: expected there
forget("telegram", "telegraph")
telegram_id = client.containers.run("busybox", ["echo", mine.word("telegram")], name="telegraph", detach=True).id
