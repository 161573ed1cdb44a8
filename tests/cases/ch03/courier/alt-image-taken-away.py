forget("courier")
!docker rmi --force hello-world
!docker run -d --name courier hello-world:latest
full_name = client.containers.get("courier").attrs["Config"]["Image"]
