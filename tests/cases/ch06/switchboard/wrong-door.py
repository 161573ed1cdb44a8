# finding: answer open_to_all: value: found '5000/tcp'
found = client.containers.get("switchboard").ports
udp_port, open_to_all = int(found["5000/udp"][0]["HostPort"]), "5000/tcp"
