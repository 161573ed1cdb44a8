# finding: expected ["sleep", "2000"], found ["sleep", "1000"]
forget("star")
!docker run -d --name star busybox sleep 1000
!docker run -d --name understudy busybox sleep 1000
