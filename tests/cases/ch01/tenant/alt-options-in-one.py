forget("tenant")
!docker run --name tenant --hostname {mine.word("tenant")} debian:trixie uname -rn
