# finding: file /etc/passwd: expected one with 'ann:'
forget("leaver")
client.containers.run("debian:trixie", "sleep infinity", name="leaver", init=True, detach=True)
