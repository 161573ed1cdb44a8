# finding: state: expected running, found exited
forget("frontdoor")
!docker run -d -p {mine.port("frontdoor")}:5000 --name frontdoor training/webapp python app.py
!docker stop frontdoor
