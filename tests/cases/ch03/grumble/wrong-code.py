# finding: exit code: expected 78, found 0
forget("grumble")
!docker run --name grumble busybox sh -c "echo all is well; echo {mine.word('grumble')} >&2"
