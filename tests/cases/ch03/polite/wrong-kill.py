# finding: exit code: expected 143, 129, 130 or 131, found 137
forget("polite")
!docker run -d --init --name polite busybox sleep {mine.number("polite", 1000, 1999)}
!docker kill polite
