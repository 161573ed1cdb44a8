# finding: package docker.io: expected installed, found not installed
forget("fitter")
fitter = client.containers.run("debian:trixie", "sleep infinity", name="fitter", init=True, detach=True)
fitter.exec_run("touch /usr/sbin/dockerd")
