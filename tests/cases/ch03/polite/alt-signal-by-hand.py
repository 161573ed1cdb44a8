import time
forget("polite")
!docker run --detach --init --name polite busybox sleep {mine.number("polite", 1000, 1999)}
time.sleep(1)
!docker kill --signal TERM polite
