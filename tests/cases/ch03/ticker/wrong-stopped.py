# finding: state: expected running, found exited
forget("ticker")
!docker run -d --name ticker debian:trixie sh -c "while true; do echo hello world; sleep 1; done"
!docker stop -t 1 ticker
