# finding: file /etc/gshadow
name = mine.word("member")
client.containers.get("fitter").exec_run(["useradd", name])
