found = !docker inspect -f '{{{{.State.ExitCode}}}}' quitter
quitter_code = int(found[0])
forget("quitter")
!docker run -d -p 5030:5000 --name quitter training/webapp sh -c "python app.py & wait"
