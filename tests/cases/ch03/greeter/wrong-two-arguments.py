# finding: arguments are split elsewhere
forget("greeter")
!docker run --name greeter debian:trixie /bin/echo Hello {mine.word("greeter")}
