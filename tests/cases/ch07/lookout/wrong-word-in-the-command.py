# finding: command: expected one without what is to be printed
forget("lookout")
said = !docker run --rm --entrypoint cat sealed /word
found = said[0]
!docker run --name lookout --entrypoint echo sealed {found}
