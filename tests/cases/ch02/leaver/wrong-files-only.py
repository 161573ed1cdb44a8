# finding: package docker.io: expected purged, found installed
leaver = client.containers.get("leaver")
script = "rm -rf /usr/sbin/dockerd /usr/bin/containerd /usr/sbin/runc /etc/docker /var/lib/docker"
leaver.exec_run(["sh", "-c", script + " /var/lib/containerd /etc/apparmor.d/docker; groupdel docker"])
