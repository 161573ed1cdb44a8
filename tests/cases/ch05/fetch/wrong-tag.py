# finding: image httpd: presence: expected there
forget(image="httpd")
!docker pull -q httpd:2.4
announces, official = "80/tcp", ["busybox", "httpd"]
