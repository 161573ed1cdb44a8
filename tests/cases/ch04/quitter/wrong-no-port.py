# finding: published port: expected one that answers HTTP, found none
!docker rm quitter
!docker run -d --name quitter training/webapp python app.py
