# finding: command: expected
forget("telegram")
box = client.containers.create("busybox", ["echo", "word"], name="telegram")
box.start()
telegram_id = box.id
