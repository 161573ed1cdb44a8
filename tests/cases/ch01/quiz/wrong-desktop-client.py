# finding: answer client_only: value: found 'Docker Desktop'
paid = "Docker Desktop"
server = "Docker Engine"
retired = "Docker Machine"
client_only = "Docker Desktop"
