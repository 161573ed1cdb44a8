# finding: error output: expected 'raluvo', found nothing
forget("grumble")
word, code = mine.word("grumble"), mine.number("grumble", 3, 99)
!docker run --name grumble busybox sh -c "echo all is well; echo {word}; exit {code}"
