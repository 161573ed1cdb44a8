name = mine.word("member")
fitter = client.containers.get("fitter")
fitter.exec_run(["adduser", "--disabled-password", "--gecos", "", name])
fitter.exec_run(["adduser", name, "docker"])
