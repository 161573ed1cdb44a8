found = client.containers.get("switchboard").ports
udp_port = int(found["5000/udp"][0]["HostPort"])
open_to_all = next(port for port, doors in found.items() if doors[0]["HostIp"] == "0.0.0.0")
