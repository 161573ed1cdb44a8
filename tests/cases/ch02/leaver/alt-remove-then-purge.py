leaver = client.containers.get("leaver")
quiet = {"DEBIAN_FRONTEND": "noninteractive"}
leaver.exec_run("apt-get remove -y docker.io", environment=quiet)
leaver.exec_run("apt-get remove --purge --auto-remove -y docker.io", environment=quiet)
leaver.exec_run("apt-get autopurge -y", environment=quiet)
leaver.exec_run(["sh", "-c", "groupdel docker; rm -r /etc/docker /var/lib/docker /etc/apparmor.d/docker"])
leaver.exec_run("rm -rf /var/lib/containerd")
