# The new one may have another name at first.
!docker run -d --name newcomer busybox sleep 1000
!docker rename star understudy
!docker rename newcomer star
