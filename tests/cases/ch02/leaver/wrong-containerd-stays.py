# finding: package containerd: expected purged, found installed
leaver = client.containers.get("leaver")
script = "apt-get purge -y docker.io; groupdel docker"
script += "; rm -rf /etc/docker /var/lib/docker /var/lib/containerd /etc/apparmor.d/docker"
leaver.exec_run(["sh", "-c", script], environment={"DEBIAN_FRONTEND": "noninteractive"})
