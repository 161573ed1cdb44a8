# finding: Nearly: capitals or blanks at the ends differ
forget("ticker")
!docker run -d --name ticker debian:trixie sh -c "while true; do echo Hello World; sleep 1; done"
