said = !docker port switchboard 5000/udp
udp_port = int(said[0].rpartition(":")[2])
lines = !docker port switchboard
open_to_all = [line.split()[0] for line in lines if "0.0.0.0:" in line][0]
