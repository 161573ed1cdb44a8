forget("ticker")
!docker run -d --name ticker debian:trixie /bin/sh -c "while true; do echo hello world; sleep 1; done"
