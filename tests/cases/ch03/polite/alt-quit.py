forget("polite")
!docker run -d --init --stop-signal QUIT --name polite busybox sleep {mine.number("polite", 1000, 1999)}
!docker stop polite
