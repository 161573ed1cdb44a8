# finding: answer paid: value: found 'Docker Engine'
paid = "Docker Engine"
server = "Docker Engine"
retired = "Docker Machine"
client_only = "docker-py"
