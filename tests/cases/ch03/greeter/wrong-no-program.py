# finding: drop the quotes around it
forget("greeter")
!docker run --name greeter debian:trixie '/bin/echo Hello world'
