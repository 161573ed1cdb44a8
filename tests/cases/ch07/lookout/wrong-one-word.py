# finding: container lookout: exit code: expected 0
# The program and its argument in one: no program has that name.
forget("lookout")
!docker run --name lookout --entrypoint "cat /word" sealed
said = !docker run --rm --entrypoint cat sealed /word
found = said[0]
