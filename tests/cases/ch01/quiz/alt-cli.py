said = !echo "Docker Desktop,Docker Engine,Docker Machine,docker-py"
paid, server, retired, client_only = said[0].split(",")
