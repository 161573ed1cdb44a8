# finding: file /var/lib/dpkg/info/docker.io.md5sums: expected there
forget("fitter")
fitter = client.containers.run("debian:trixie", "sleep infinity", name="fitter", init=True, detach=True)
fitter.exec_run("touch /usr/sbin/dockerd")
