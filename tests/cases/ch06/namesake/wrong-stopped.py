# finding: container understudy: state: expected running, found exited
!docker stop -t 0 star
!docker rename star understudy
!docker run -d --name star busybox sleep 1000
