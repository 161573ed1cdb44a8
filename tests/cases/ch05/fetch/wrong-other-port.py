# finding: answer announces: value: found '5000/tcp'
forget(image="httpd")
!docker pull -q httpd
announces, official = "5000/tcp", ["busybox", "httpd"]
