# finding: container polite: presence: expected there
forget("polite")
!docker run -d --rm --init --name polite busybox sleep {mine.number("polite", 1000, 1999)}
!docker stop polite
