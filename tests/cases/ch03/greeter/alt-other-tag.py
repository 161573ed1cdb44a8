# debian:latest and debian:trixie are two names of one image, and the shell finds echo by its short name.
forget("greeter")
!docker run --name=greeter debian echo "Hello {mine.word('greeter')}"
