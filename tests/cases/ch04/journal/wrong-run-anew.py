# finding: life: expected ended once, running again
forget("journal", "blank")
!docker run -d --init --name journal busybox sleep 1000
!docker exec journal sh -c "echo {mine.word('journal')} > /entry"
!docker rm -f journal
!docker run -d --init --name journal busybox sleep 1000
!docker run -d --init --name blank busybox sleep 1000
