forget("window")
!docker run -d --name window -p 127.0.0.1:{mine.port("window")}:5000 training/webapp python app.py
