# finding: ports: expected
forget("frontdoor")
!docker run -d -p 5000:5000 --name frontdoor training/webapp python app.py
