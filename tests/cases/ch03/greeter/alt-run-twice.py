forget("greeter")
!docker run --name greeter debian:trixie /bin/echo "a first try"
forget("greeter")
!docker run -it --name greeter debian:trixie /bin/echo 'Hello {mine.word("greeter")}'
