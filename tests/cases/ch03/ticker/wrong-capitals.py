# finding: Nearly: capitals or blanks at the ends differ
forget("ticker")
word = mine.word("ticker").capitalize()
!docker run -d --name ticker debian:trixie sh -c "while true; do echo Hello {word}; sleep 1; done"
