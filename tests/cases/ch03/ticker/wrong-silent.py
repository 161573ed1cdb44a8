# finding: output: expected 'hello nororta', found nothing
forget("ticker")
!docker run -d --name ticker debian:trixie sleep 1000
