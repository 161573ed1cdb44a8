# finding: answer announces: value: found 80
forget(image="httpd")
!docker pull -q httpd
announces, official = 80, ["busybox", "httpd"]
