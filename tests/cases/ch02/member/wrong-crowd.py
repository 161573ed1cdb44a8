# finding: group docker, members: expected
name = mine.word("member")
script = f"useradd everybody -G docker; useradd {name} -G docker"
client.containers.get("fitter").exec_run(["sh", "-c", script])
