# finding: answer quitter_code: value: found none
forget("quitter")
!docker run -d -P --name quitter training/webapp python app.py
