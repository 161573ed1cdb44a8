# The name as the lesson spells it out: with the registry and the folder that Docker fills in.
forget("courier")
!docker run --name courier hello-world
full_name = "docker.io/library/hello-world:latest"
