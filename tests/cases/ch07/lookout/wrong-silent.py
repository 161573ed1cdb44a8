# finding: container lookout: output
forget("lookout")
!docker run --name lookout --entrypoint true sealed /word
said = !docker run --rm --entrypoint cat sealed /word
found = said[0]
