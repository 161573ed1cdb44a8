# finding: ports: expected
!docker rm -f whisperer
!docker run -d -P --name whisperer training/webapp python -m http.server 5000
