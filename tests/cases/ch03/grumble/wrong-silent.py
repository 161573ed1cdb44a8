# finding: output: expected 'all is well', found nothing
forget("grumble")
!docker run --name grumble busybox sh -c "exit 4"
