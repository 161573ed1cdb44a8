# finding: answer udp_port: value: found
# `docker port NAME 5000` asks for TCP.
said = !docker port switchboard 5000
udp_port, open_to_all = int(said[0].rpartition(":")[2]), "7096/tcp"
