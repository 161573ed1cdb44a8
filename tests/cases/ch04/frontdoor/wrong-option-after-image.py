# finding: ports: expected
forget("frontdoor")
!docker run -d --name frontdoor training/webapp python app.py -p {mine.port("frontdoor")}:5000
