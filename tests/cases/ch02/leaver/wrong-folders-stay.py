# finding: file /var/lib/docker: expected nothing
leaver = client.containers.get("leaver")
script = "apt-get purge -y docker.io && apt-get autoremove -y --purge; groupdel docker; rm -f /etc/apparmor.d/docker"
leaver.exec_run(["sh", "-c", script], environment={"DEBIAN_FRONTEND": "noninteractive"})
