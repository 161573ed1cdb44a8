# finding: image: expected 'debian:trixie', found 'busybox'
forget("ticker")
!docker run -d --name ticker busybox sh -c "while true; do echo hello world; sleep 1; done"
