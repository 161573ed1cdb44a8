# finding: state: expected running, found exited
quitter = client.containers.get("quitter")
quitter.start()
quitter.wait(timeout=30)
