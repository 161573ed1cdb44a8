# finding: answer client_only: value: found none
paid = "Docker Desktop"
server = "Docker Engine"
retired = "Docker Machine"
