forget("ada", "bob", "cyd")
scripts = {"ada": f"echo {mine.word('ada')} > /note", "bob": f"echo {mine.word('bob')} > /note", "cyd": "cat /note"}
for name, script in scripts.items():
    client.containers.create("busybox", ["sh", "-c", script], name=name).start()
