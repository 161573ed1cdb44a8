# finding: answer server: value: found 'Docker Desktop'
paid = "Docker Desktop"
server = "Docker Desktop"
retired = "Docker Machine"
client_only = "docker-py"
