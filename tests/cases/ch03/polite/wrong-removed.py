# finding: container polite: presence: expected there
forget("polite")
!docker run -d --rm --init --name polite busybox sleep 1000
!docker stop polite
