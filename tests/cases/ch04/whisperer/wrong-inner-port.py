# finding: answer: expected HTTP 200, found none
!docker rm -f whisperer
!docker run -d -p {mine.port("whisperer")}:5000 --name whisperer training/webapp python -m http.server 8000
