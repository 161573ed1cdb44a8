print("your user's name:", mine.word("member"))
fitter = client.containers.get("fitter")
fitter.exec_run(["useradd", mine.word("member")])
fitter.exec_run(["usermod", "-aG", "docker", mine.word("member")]).exit_code
