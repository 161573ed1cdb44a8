# finding: it should be a number, not text
found = client.containers.get("switchboard").ports
udp_port, open_to_all = found["5000/udp"][0]["HostPort"], "7096/tcp"
