# finding: state: expected stopped, found running
forget("polite")
!docker run -d --init --name polite busybox sleep 1000
