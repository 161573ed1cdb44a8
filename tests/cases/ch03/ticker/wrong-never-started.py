# finding: state: expected running, found created
forget("ticker")
!docker create --name ticker debian:trixie sh -c "while true; do echo hello world; sleep 1; done"
