# The same program in another folder: what it lists is no matter.
!docker rm -f whisperer
!docker run -d --name whisperer -p {mine.port("whisperer")}:5000 -w /usr training/webapp python3 -m http.server 5000
