# finding: output: expected 'Hello
forget("greeter")
!docker run --name greeter --log-driver none debian:trixie /bin/echo "Hello {mine.word('greeter')}"
