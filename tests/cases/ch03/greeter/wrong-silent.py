# finding: output: expected 'Hello world', found
forget("greeter")
!docker run --name greeter --log-driver none debian:trixie /bin/echo "Hello world"
