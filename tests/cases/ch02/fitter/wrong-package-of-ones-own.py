# finding: dpkg's records of it
# dpkg installs it and is content; it is no docker.io all the same.
forget("fitter")
fitter = client.containers.run("debian:trixie", "sleep infinity", name="fitter", init=True, detach=True)
script = "mkdir -p /p/DEBIAN /p/usr/sbin; touch /p/usr/sbin/dockerd"
script += "; printf 'Package: docker.io\\nVersion: 26\\nArchitecture: all\\nMaintainer: me\\nDescription: x\\n' > /p/DEBIAN/control"
script += "; dpkg-deb -b /p /p.deb; dpkg -i /p.deb"
fitter.exec_run(["sh", "-c", script])
