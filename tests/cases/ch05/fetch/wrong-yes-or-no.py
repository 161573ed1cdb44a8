# finding: answer official: value: found false
!docker pull -q httpd
announces, official = "80/tcp", False
