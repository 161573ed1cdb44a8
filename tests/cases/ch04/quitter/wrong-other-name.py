# finding: state: expected running, found exited
forget("quitter-2")
!docker run -d -p {mine.port("quitter")}:5000 --name quitter-2 training/webapp python app.py
