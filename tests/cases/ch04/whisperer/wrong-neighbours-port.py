# finding: ports: expected
!docker rm -f whisperer
!docker run -d -p 5020:5000 --name whisperer training/webapp python -m http.server 5000
