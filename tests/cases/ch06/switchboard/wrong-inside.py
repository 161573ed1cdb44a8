# finding: answer udp_port: value: found 5000
udp_port, open_to_all = 5000, "7096/tcp"
