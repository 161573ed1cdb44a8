# finding: state: expected stopped, found running
forget("polite")
!docker run -d --init --name polite busybox sleep {mine.number("polite", 1000, 1999)}
