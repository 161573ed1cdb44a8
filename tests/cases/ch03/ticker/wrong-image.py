# finding: image: expected 'debian:trixie', found 'busybox'
forget("ticker")
word = mine.word("ticker")
!docker run -d --name ticker busybox sh -c "while true; do echo hello {word}; sleep 1; done"
