# finding: container tenant: presence: expected there
forget("tenant")
client.containers.run("debian:trixie", "uname -n -r", name="tenant", hostname=mine.word("tenant"), remove=True)
