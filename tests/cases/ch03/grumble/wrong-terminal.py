# finding: error output: expected 'not quite', found nothing
forget("grumble")
!docker run -t --name grumble busybox sh -c "echo all is well; echo not quite >&2; exit 4"
