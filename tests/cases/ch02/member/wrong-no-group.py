# finding: group docker, members: expected
name = mine.word("member")
client.containers.get("fitter").exec_run(["useradd", name])
