# finding: answer found: value: found
forget("lookout")
!docker run --name lookout --entrypoint cat sealed /word
found = "/word"
