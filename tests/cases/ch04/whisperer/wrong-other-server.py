# finding: command: expected one with 'http.server'
!docker rm -f whisperer
!docker run -d -p {mine.port("whisperer")}:5000 --name whisperer training/webapp python app.py
