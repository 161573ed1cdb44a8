# finding: package docker.io: expected installed
# Files that look like an installation, and a line in dpkg's list.
forget("fitter")
fitter = client.containers.run("debian:trixie", "sleep infinity", name="fitter", init=True, detach=True)
script = "printf '\\nPackage: docker.io\\nStatus: install ok installed\\nVersion: 26.1.5\\n' >> /var/lib/dpkg/status"
script += "; printf '#!/bin/sh\\n' > /usr/sbin/dockerd; chmod +x /usr/sbin/dockerd; touch /var/lib/dpkg/info/docker.io.list"
script += "; md5sum /usr/sbin/dockerd | sed 's|/||' > /var/lib/dpkg/info/docker.io.md5sums"
script += "; echo status installed docker.io:amd64 26.1.5 >> /var/log/dpkg.log"
fitter.exec_run(["sh", "-c", script])
