forget("tidy", image="ada/tidy:1.0")
!printf '*.key\n*/*.key\n*/*/*.key\n' > build/tidy/.dockerignore
!DOCKER_BUILDKIT=0 docker build -t ada/tidy:1.0 build/tidy
!docker run -d --name tidy ada/tidy:1.0
