# finding: answer: expected one of SimpleHTTP
# Another program answers, whatever its words say.
!docker rm -f whisperer
!docker run -d --name whisperer -p {mine.port("whisperer")}:5000 training/webapp python app.py -m http.server
