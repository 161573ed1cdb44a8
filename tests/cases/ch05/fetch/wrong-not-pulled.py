# finding: image httpd: presence: expected there
forget(image="httpd")
announces, official = "80/tcp", ["busybox", "httpd"]
