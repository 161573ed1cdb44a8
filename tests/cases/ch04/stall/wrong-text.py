# finding: answer stall_port: value: found
forget("stall")
!docker run -d -P --name stall training/webapp python app.py
stall_port = client.containers.get("stall").ports["5000/tcp"][0]["HostPort"]
