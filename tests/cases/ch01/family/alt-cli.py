forget("ada", "bob", "cyd")
!docker run --name ada busybox echo ada
!docker run --name bob busybox:latest echo bob
!docker run -d --name cyd busybox sh -c "echo cyd"
classes, objects = 1, 3
