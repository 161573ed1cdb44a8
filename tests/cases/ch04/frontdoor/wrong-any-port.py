# finding: ports: expected
forget("frontdoor")
!docker run -d -P --name frontdoor training/webapp python app.py
