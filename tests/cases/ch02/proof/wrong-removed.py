# finding: container proof: presence: expected there
forget("proof")
!docker run --rm --name proof hello-world
pull_step = 2
