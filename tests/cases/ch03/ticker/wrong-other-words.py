# finding: output: expected 'hello nororta', found 'hello world
forget("ticker")
!docker run -d --name ticker debian:trixie sh -c "while true; do echo hello world; sleep 1; done"
