import time
forget("polite")
!docker run --detach --init --name polite busybox sleep 1000
time.sleep(1)
!docker kill --signal TERM polite
