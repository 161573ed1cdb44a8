# finding: exit code: expected 0, found 1
forget("lookout")
!docker run --name lookout sealed --entrypoint cat /word
found = mine.word("lookout")
