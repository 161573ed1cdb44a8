# finding: exit code: expected 4, found 0
forget("grumble")
!docker run --name grumble busybox sh -c "echo all is well; echo not quite >&2"
