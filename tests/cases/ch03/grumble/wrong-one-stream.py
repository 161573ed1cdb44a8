# finding: error output: expected 'not quite', found nothing
forget("grumble")
!docker run --name grumble busybox sh -c "echo all is well; echo not quite; exit 4"
