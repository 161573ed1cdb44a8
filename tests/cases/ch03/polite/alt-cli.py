forget("polite")
!docker run -d --init --name polite busybox sleep 1000
!docker stop polite
