# finding: error output: expected 'raluvo', found 'not quite
forget("grumble")
code = mine.number("grumble", 3, 99)
!docker run --name grumble busybox sh -c "echo all is well; echo not quite >&2; exit {code}"
