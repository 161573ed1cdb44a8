# finding: answer created_code: value: found 204
forget("telegram")
ask("POST /containers/create?name=telegram", json.dumps({"Image": "busybox", "Cmd": ["echo", mine.word("telegram")]}))
created_code = int(ask("POST /containers/telegram/start").split()[1])
