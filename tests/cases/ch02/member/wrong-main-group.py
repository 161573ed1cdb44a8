# finding: main group: expected
# The group docker in place of a group of its own.
name = mine.word("member")
client.containers.get("fitter").exec_run(["useradd", "-g", "docker", name])
