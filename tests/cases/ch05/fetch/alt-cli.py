forget(image="httpd")
!docker pull httpd
lines = !docker image inspect -f "{{{{json .Config.ExposedPorts}}}}" httpd
announces = lines[0].split('"')[1]
found = !docker search --filter is-official=true webapp
official = len(found) > 1
