forget("courier")
!docker run -d --name courier docker.io/library/hello-world
full_name = "library/hello-world:latest"
