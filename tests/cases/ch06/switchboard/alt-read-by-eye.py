# Read from `docker port switchboard`, and typed.
!docker port switchboard
udp_port = mine.port("switchboard")
open_to_all = "7000/tcp"
