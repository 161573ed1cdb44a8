# finding: output: expected 'all is well', found nothing
forget("grumble")
!docker run --name grumble busybox sh -c "exit {mine.number('grumble', 3, 99)}"
