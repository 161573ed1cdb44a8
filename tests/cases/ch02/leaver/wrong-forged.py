# finding: not in dpkg's list, and
# The list is edited, a few files are gone, and the rest is where it was.
leaver = client.containers.get("leaver")
script = "sed -i '/^Package: docker.io$/,/^$/d' /var/lib/dpkg/status; rm -f /usr/sbin/dockerd /var/lib/dpkg/info/docker.io.*"
script += "; echo 2026 purge docker.io:amd64 >> /var/log/dpkg.log; groupdel docker"
script += "; apt-get autoremove -y --purge; dpkg --purge containerd runc"
script += "; rm -rf /etc/docker /var/lib/docker /var/lib/containerd /etc/apparmor.d/docker"
leaver.exec_run(["sh", "-c", script], environment={"DEBIAN_FRONTEND": "noninteractive"})
