# finding: answer open_to_all: value: found '7000/tcp'
udp_port = int(client.containers.get("switchboard").ports["5000/udp"][0]["HostPort"])
open_to_all = "7000/tcp"
