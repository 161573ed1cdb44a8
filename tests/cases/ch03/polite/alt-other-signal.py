forget("polite")
!docker run -d --init --stop-signal SIGINT --name polite busybox sleep {mine.number("polite", 1000, 1999)}
!docker stop --time 5 polite
