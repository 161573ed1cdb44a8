# finding: container understudy: presence: expected there
forget("star")
!docker run -d --name star busybox sleep 1000
