# finding: group docker: expected gone, found still there
leaver = client.containers.get("leaver")
script = "apt-get purge -y docker.io && apt-get autoremove -y --purge"
script += "; rm -rf /etc/docker /var/lib/docker /var/lib/containerd /etc/apparmor.d/docker"
leaver.exec_run(["sh", "-c", script], environment={"DEBIAN_FRONTEND": "noninteractive"})
