forget("grumble")
word, code = mine.word("grumble"), mine.number("grumble", 3, 99)
!printf 'echo all is well\necho {word} >&2\nexit {code}\n' | docker run -i --name grumble busybox
