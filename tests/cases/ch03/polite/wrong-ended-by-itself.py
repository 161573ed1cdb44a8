# finding: exit code: expected 143 or 130, found 0
forget("polite")
!docker run --init --name polite busybox sleep 1
