# finding: answer
# As the old line has it: the web server does not speak UDP.
forget("shouter")
!docker run -d --name shouter -p 127.0.0.1:{mine.port("shouter")}:5000/udp training/webapp python app.py
