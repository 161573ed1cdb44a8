# finding: user ann: expected there, found no such user
forget("leaver")
client.containers.run("debian:trixie", "sleep infinity", name="leaver", init=True, detach=True)
