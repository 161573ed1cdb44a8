forget("tenant")
word = mine.word("tenant")
!docker run -d -h {word} --name tenant docker.io/library/debian:trixie /usr/bin/uname -n -r
