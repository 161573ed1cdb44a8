!docker rename star understudy
!docker run -d --name star busybox sleep 1000
conflict = 409
