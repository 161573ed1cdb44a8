# finding: state: expected running, found exited
forget("ticker")
word = mine.word("ticker")
!docker run -d --name ticker debian:trixie sh -c "while true; do echo hello {word}; sleep 1; done"
!docker stop -t 1 ticker
