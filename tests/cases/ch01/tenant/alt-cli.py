forget("tenant")
!docker run --name tenant debian:trixie uname -r
own_kernel = False
