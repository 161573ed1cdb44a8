# finding: exit code: expected 0
forget("telegram")
made = ask("POST /containers/create?name=telegram", json.dumps({"Image": "busybox", "Cmd": ["echo", mine.word("telegram")]}))
created_code = int(made.split()[1])
