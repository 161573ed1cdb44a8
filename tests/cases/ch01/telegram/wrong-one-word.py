# finding: container telegram: exit code: expected 0
forget("telegram")
ask("POST /containers/create?name=telegram", json.dumps({"Image": "busybox", "Cmd": ["echo " + mine.word("telegram")]}))
ask("POST /containers/telegram/start")
created_code = 201
