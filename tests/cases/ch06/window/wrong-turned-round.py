# finding: The two are swapped
forget("window")
!docker run -d --name window -p 127.0.0.1:5000:{mine.port("window")} training/webapp
