forget(image="httpd")
!docker pull --quiet docker.io/library/httpd:latest
announces = " 80/tcp "
official = ("httpd", "busybox")
