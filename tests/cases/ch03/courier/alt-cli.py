forget("courier")
!docker run --name courier hello-world
full_name = "hello-world:latest"
