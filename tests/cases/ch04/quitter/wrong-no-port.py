# finding: ports: expected 5000/tcp, found no published port
quitter_code = 0
!docker rm quitter
!docker run -d --name quitter training/webapp python app.py
