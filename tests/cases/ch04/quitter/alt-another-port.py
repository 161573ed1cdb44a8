# The application listens where PORT says; the host's port leads there.
!docker rm quitter
!docker run -d --name quitter -e PORT=8000 -p 127.0.0.1:{mine.port("quitter")}:8000 training/webapp
