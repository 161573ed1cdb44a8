# Another order, and dpkg itself.
leaver = client.containers.get("leaver")
leaver.exec_run("rm -rf /etc/docker /var/lib/docker /var/lib/containerd /etc/apparmor.d")
leaver.exec_run("gpasswd -d ann docker")
leaver.exec_run("groupdel docker")
leaver.exec_run("dpkg --purge docker.io")
leaver.exec_run("dpkg --purge containerd runc")
leaver.exec_run("rm -rf /etc/docker /var/lib/docker /var/lib/containerd")
