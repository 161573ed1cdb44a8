# finding: answer retired: value: found 'Docker Engine'
paid = "Docker Desktop"
server = "Docker Engine"
retired = "Docker Engine"
client_only = "docker-py"
