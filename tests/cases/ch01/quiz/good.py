paid = "Docker Desktop"
server = "Docker Engine"
retired = "Docker Machine"
client_only = "docker-py"
