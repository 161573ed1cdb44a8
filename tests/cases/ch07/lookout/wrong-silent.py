# finding: container lookout: output
forget("lookout")
!docker run --name lookout --entrypoint true sealed /word
found = mine.word("lookout")
