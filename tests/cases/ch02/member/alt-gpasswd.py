name = mine.word("member")
script = f"useradd -m {name} && gpasswd -a {name} docker"
client.containers.get("fitter").exec_run(["sh", "-c", script])
