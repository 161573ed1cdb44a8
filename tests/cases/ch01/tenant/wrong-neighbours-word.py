# finding: output: expected
forget("tenant")
client.containers.run("debian:trixie", "uname -n -r", name="tenant", hostname="neighbour")
