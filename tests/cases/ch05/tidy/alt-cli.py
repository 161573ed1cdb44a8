forget("tidy", image="ada/tidy:1.0")
!echo "**/*.key" > build/tidy/.dockerignore
!cd build/tidy && docker build -t ada/tidy:1.0 .
!docker run --name tidy ada/tidy:1.0
