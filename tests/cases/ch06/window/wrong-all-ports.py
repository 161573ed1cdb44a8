# finding: found 0.0.0.0:
forget("window")
!docker run -d --name window -P training/webapp python app.py
