!docker exec -e DEBIAN_FRONTEND=noninteractive leaver apt-get purge -qq -y docker.io containerd runc
!docker exec leaver rm -rf /var/lib/docker /etc/docker /var/lib/containerd
!docker exec leaver rm /etc/apparmor.d/docker
!docker exec leaver delgroup docker
