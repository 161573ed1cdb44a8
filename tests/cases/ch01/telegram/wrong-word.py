# finding: command: expected
forget("telegram")
ask("POST /containers/create?name=telegram", json.dumps({"Image": "busybox", "Cmd": ["echo", "word"]}))
ask("POST /containers/telegram/start")
created_code = 201
