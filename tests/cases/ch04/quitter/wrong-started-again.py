# finding: state: expected running, found exited
quitter_code = 0
quitter = client.containers.get("quitter")
quitter.start()
quitter.wait(timeout=30)
