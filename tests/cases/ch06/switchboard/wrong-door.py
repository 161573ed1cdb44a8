# finding: answer open_to_all: value: found '5000/tcp'
udp_port, open_to_all = mine.port("switchboard"), "5000/tcp"
