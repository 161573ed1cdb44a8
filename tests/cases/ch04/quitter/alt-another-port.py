# The application listens where PORT says; the published port leads there.
quitter = client.containers.get("quitter")
quitter_code = quitter.wait(timeout=30)["StatusCode"]
quitter.remove()
!docker run -d --name quitter -e PORT=8000 -p 127.0.0.1:8081:8000 training/webapp
