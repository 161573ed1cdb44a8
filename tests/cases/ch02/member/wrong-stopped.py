# finding: state: expected running
name = mine.word("member")
fitter = client.containers.get("fitter")
fitter.exec_run(["useradd", "-G", "docker", name])
fitter.stop(timeout=1)
