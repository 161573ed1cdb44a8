# finding: answer official: value: found
forget(image="httpd")
!docker pull -q httpd
announces, official = "80/tcp", ["busybox", "training/webapp", "httpd"]
