# finding: command: expected one with 'http.server'
!docker rm -f whisperer
!docker run -d -p 5020:5000 --name whisperer training/webapp python app.py
