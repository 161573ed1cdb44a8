# finding: answer official: value: found true
forget(image="httpd")
!docker pull -q httpd
announces, official = "80/tcp", True
