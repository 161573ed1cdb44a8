forget("lookout")
!printf 'ls /\ncat /word\nexit\n' | docker run -i --name lookout --entrypoint sh sealed
said = !docker run --rm --entrypoint cat sealed /word
found = said[0]
