# finding: The protocol comes after the port: `5000/tcp`
forget("window")
!docker run -d --name window -p 127.0.0.1:{mine.port("window")}:5000/udp training/webapp python app.py
