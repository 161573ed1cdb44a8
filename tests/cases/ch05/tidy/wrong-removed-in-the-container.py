# finding: container tidy: command
forget("tidy", image="ada/tidy:1.0")
!docker build -q -t ada/tidy:1.0 build/tidy
!docker run --name tidy ada/tidy:1.0 sh -c "rm /site/secret.key; ls -A /site"
