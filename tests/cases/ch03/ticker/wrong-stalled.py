# finding: log: expected one that grows, found nothing new in 3 s
forget("ticker")
!docker run -d --name ticker debian:trixie sh -c "echo hello {mine.word('ticker')}; sleep 1000"
