# finding: The two are swapped
forget("frontdoor")
!docker run -d -p 5000:{mine.port("frontdoor")} --name frontdoor training/webapp python app.py
