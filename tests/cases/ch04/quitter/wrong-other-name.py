# finding: state: expected running, found exited
quitter_code = 0
forget("quitter-2")
!docker run -d -P --name quitter-2 training/webapp python app.py
