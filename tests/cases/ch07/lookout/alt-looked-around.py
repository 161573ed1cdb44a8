forget("lookout")
!printf 'ls /\ncat /word\nexit\n' | docker run -i --name lookout --entrypoint sh sealed
found = mine.word("lookout")
