forget("tidy", image="ada/tidy:1.0")
!printf '*.key\n**/*.key\n' > build/tidy/.dockerignore
!docker build -t ada/tidy:1.0 build/tidy
!docker run -d --name tidy ada/tidy:1.0
