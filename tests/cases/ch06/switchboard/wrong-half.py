# finding: answer open_to_all: value: found none
udp_port = int(client.containers.get("switchboard").ports["5000/udp"][0]["HostPort"])
