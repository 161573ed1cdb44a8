forget("greeter")
!docker run --name greeter debian:trixie sh -c '/bin/echo "Hello world"'
