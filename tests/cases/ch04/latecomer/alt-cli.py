found = !docker ps --filter publish={busy} --format "{{{{.Names}}}}"
holder = str(found[0])
!docker rm -f {holder}
!docker start latecomer
