# finding: It is in the container's error output instead
forget("grumble")
word, code = mine.word("grumble"), mine.number("grumble", 3, 99)
!docker run --name grumble busybox sh -c "echo all is well >&2; echo {word}; exit {code}"
