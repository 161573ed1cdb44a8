# finding: exit code: expected 143, 129, 130 or 131, found 0
forget("polite")
!docker run --init --name polite busybox sleep 1
