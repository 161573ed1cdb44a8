choices = ["Docker Engine", "Docker Desktop", "Docker Machine", "docker-py"]
server, paid, retired, client_only = choices
