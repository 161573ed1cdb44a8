forget("ticker")
word = mine.word("ticker")
!docker run --detach --init --name ticker debian bash -c 'echo hello {word}; while sleep 1; do echo hello {word}; done'
