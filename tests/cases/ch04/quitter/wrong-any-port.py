# finding: host port 127.0.0.1:5306: answer: expected
!docker rm quitter
!docker run -d -P --name quitter training/webapp python app.py
