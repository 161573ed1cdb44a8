quitter_code = 0
!docker rm quitter
!docker run -d -P --name quitter training/webapp python app.py
