# finding: terminal: expected one, found none
forget("dialog")
!printf 'cat /proc/version\nexit\n' | docker run -i --name dialog debian:trixie sh
