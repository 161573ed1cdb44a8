# finding: package docker.io: expected installed, found not installed
forget("fitter")
fitter = client.containers.run("debian:trixie", "sleep infinity", name="fitter", init=True, detach=True)
fitter.exec_run(["sh", "-c", "apt-get update && apt-get install -y --download-only docker.io"])
