# finding: container proof: presence: expected there
forget("proof")
!docker run --rm --name proof hello-world
signs = {"command not found": "client", "Cannot connect": "engine", "no such host": "registry"}
suspects = [part for message in messages for sign, part in signs.items() if sign in message]
