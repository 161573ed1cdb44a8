# finding: it should be a number, not text
forget("telegram")
client.containers.run("busybox", ["echo", mine.word("telegram")], name="telegram")
created_code = "201"
