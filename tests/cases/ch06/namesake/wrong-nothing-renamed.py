# finding: expected ["sleep", "1000"], found ["sleep", "2000"]
!docker run -d --name star busybox sleep 1000
