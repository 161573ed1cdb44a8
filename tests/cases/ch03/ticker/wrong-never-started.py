# finding: state: expected running, found created
forget("ticker")
word = mine.word("ticker")
!docker create --name ticker debian:trixie sh -c "while true; do echo hello {word}; sleep 1; done"
