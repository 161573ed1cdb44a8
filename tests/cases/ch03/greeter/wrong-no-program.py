# finding: names no program: drop the quotes
forget("greeter")
!docker run --name greeter debian:trixie '/bin/echo Hello {mine.word("greeter")}'
