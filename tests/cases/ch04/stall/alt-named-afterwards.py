forget("stall")
said = !docker run --detach --publish-all training/webapp sh -c "python app.py"
!docker rename {said[-1]} stall
stall_port = int(client.containers.get("stall").ports["5000/tcp"][0]["HostPort"])
