forget("telegram")
client.containers.run("busybox:latest", ["echo", mine.word("telegram")], name="telegram")
created_code = 201
