# finding: exit code: expected 0, found 1
forget("lookout")
!docker run --name lookout sealed cat /word
said = !docker run --rm --entrypoint cat sealed /word
found = said[0]
