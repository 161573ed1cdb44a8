# finding: ports: expected 127.0.0.1:
forget("window")
!docker run -d --name window -p 127.0.0.1::5000 training/webapp python app.py
