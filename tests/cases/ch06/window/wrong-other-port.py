# finding: found 127.0.0.1:5001->5000/tcp
forget("window")
!docker run -d --name window -p 127.0.0.1:5001:5000 training/webapp python app.py
