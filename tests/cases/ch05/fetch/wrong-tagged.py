# finding: expected that of the course's image
!docker tag busybox httpd
announces, official = "80/tcp", ["busybox", "httpd"]
