# The shell has something to do as long as the server runs.
forget("quitter")
port = mine.port("quitter")
!docker run -d -p {port}:5000 --name quitter training/webapp sh -c "python app.py & wait"
