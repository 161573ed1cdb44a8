# Docker fills in the namespace, too.
forget("courier")
!docker run --name courier docker.io/hello-world:latest
full_name = "docker.io/hello-world:latest"
