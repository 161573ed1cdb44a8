# finding: answer open_to_all: value: found none
udp_port = mine.port("switchboard")
