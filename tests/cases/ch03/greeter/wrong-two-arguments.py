# finding: words end elsewhere
forget("greeter")
!docker run --name greeter debian:trixie /bin/echo Hello world
