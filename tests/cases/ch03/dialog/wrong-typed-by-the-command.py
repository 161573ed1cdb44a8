# finding: command: expected a shell alone
forget("dialog")
script = "echo cat /proc/version; cat /proc/version"
!docker run -it --name dialog debian:trixie sh -c "$script"
