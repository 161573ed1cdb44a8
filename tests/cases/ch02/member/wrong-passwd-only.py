# finding: in /etc/passwd alone
name = mine.word("member")
script = f"echo '{name}:x:1500:1500::/home/{name}:/bin/sh' >> /etc/passwd; echo '{name}:x:1500:' >> /etc/group"
client.containers.get("fitter").exec_run(["sh", "-c", script + f"; usermod -aG docker {name}"])
