said = !docker run --rm busybox uname -r
kernel = said[0]
fits = ["3.10.0", offered[3], "4.13.0-37-generic"]
