# finding: container tenant: presence: expected there
forget("tenant")
client.containers.run("debian:trixie", "uname -r", name="tenant", remove=True)
own_kernel = False
