# finding: package docker.io: expected purged, found removed, its configuration kept
leaver = client.containers.get("leaver")
script = "apt-get remove -y docker.io && apt-get autoremove -y --purge; groupdel docker"
script += "; rm -rf /etc/docker /var/lib/docker /var/lib/containerd /etc/apparmor.d/docker"
leaver.exec_run(["sh", "-c", script], environment={"DEBIAN_FRONTEND": "noninteractive"})
