# finding: exit code: expected 143 or 130, found 137
forget("polite")
!docker run -d --init --name polite busybox sleep {mine.number("polite", 1000, 1999)}
!docker kill polite
