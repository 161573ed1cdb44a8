# finding: answer: expected HTTP 200, found none
!docker rm -f whisperer
!docker run -d -p 0.0.0.0:{mine.port("whisperer")}:5000 --name whisperer training/webapp python -m http.server 5000 --bind 127.0.0.1
