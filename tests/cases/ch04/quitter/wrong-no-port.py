# finding: published port: expected one that answers HTTP, found none
quitter_code = 0
!docker rm quitter
!docker run -d --name quitter training/webapp python app.py
