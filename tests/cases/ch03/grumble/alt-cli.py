forget("grumble")
!docker run --name grumble busybox sh -c "echo all is well; echo not quite >&2; exit 4"
