forget("frontdoor")
port = mine.port("frontdoor")
!docker run -d -P -p {port}:5000/tcp -p 5000 --name frontdoor training/webapp
