forget("ticker")
!docker run --detach --init --name ticker debian bash -c 'echo hello world; while sleep 1; do echo hello world; done'
