# finding: container switchboard: presence: expected there
udp_port, open_to_all = mine.port("switchboard"), "7000/tcp"
forget("switchboard")
