# finding: command: expected ["sleep", "1371"], found ["sleep", "1000"]
forget("polite")
!docker run -d --init --name polite busybox sleep 1000
!docker stop polite
