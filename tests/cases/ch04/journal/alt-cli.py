forget("journal", "blank")
!docker run -d --init --name journal busybox sleep 1000
!docker exec journal sh -c "echo day one > /entry"
!docker stop journal
!docker start journal
!docker run -d --name blank busybox sleep 1000
