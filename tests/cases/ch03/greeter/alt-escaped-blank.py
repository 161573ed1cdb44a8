# One argument in the shell's other way of writing.
forget("greeter")
word = mine.word("greeter")
!docker run --name greeter debian:trixie /bin/echo Hello\ {word}
