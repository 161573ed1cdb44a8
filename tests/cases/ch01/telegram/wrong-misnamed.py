# finding: container telegram: presence: expected there
forget("telegram", "telegraph")
client.containers.run("busybox", ["echo", mine.word("telegram")], name="telegraph")
created_code = 201
