forget("proof")
!docker run --name proof hello-world
pull_step = 2
