forget("journal", "blank")
!docker run -d --name journal busybox sleep 1000
!docker exec journal sh -c "echo '{mine.word('journal')}' >> /entry; echo 'day two' >> /entry"
!docker restart -t 1 journal
!docker run -d --name blank busybox:latest sleep 1000
