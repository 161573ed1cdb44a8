# finding: command: expected
forget("stall")
!docker run -d -P --name stall training/webapp python -m http.server 5000
stall_port = int(client.containers.get("stall").ports["5000/tcp"][0]["HostPort"])
