forget("polite")
!docker run -d --init --stop-signal SIGINT --name polite busybox sleep 1000
!docker stop --time 5 polite
