doors = client.api.inspect_container("switchboard")["NetworkSettings"]["Ports"]
udp_port = int(client.api.port("switchboard", "5000/udp")[0]["HostPort"])
open_to_all = [port for port in doors if doors[port][0]["HostIp"] != "127.0.0.1"].pop() + "\n"
