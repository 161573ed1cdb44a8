# finding: creation: expected before container curtain, found after it: it is not the same one
client.containers.get("star").remove(force=True)
!docker run -d --name understudy busybox sleep 2000
!docker run -d --name star busybox sleep 1000
