# Read from `docker port switchboard`, and typed.
!docker port switchboard
udp_port = int(client.containers.get("switchboard").ports["5000/udp"][0]["HostPort"])
open_to_all = "7096/tcp"
