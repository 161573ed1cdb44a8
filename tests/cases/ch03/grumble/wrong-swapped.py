# finding: It is in the container's error output instead
forget("grumble")
!docker run --name grumble busybox sh -c "echo all is well >&2; echo not quite; exit 4"
