# finding: container switchboard: presence: expected there
found = client.containers.get("switchboard").ports
udp_port, open_to_all = int(found["5000/udp"][0]["HostPort"]), "7096/tcp"
forget("switchboard")
