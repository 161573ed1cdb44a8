# finding: answer udp_port: value: found
# What `mine` gives is for other tasks.
udp_port, open_to_all = mine.port("switchboard"), "7096/tcp"
