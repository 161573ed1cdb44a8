forget("grumble")
!printf 'echo all is well\necho not quite >&2\nexit 4\n' | docker run -i --name grumble busybox
