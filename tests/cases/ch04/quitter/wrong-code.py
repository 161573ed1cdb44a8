# finding: answer quitter_code: value: found 137
quitter_code = 137
!docker rm quitter
!docker run -d -P --name quitter training/webapp python app.py
