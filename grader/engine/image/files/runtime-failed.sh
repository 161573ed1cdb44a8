# shellcheck shell=sh disable=SC2154,SC2016
# Sourced by the wrappers of the OCI runtime when crun has failed with $code; "$@" is crun's command line.
# dockerd and the docker command look for runc's words to tell exit code 127 (no such program) and 126 (it
# cannot be invoked) from 125. containerd takes them from the runtime's log: JSON, a message in each line.
while [ $# -gt 1 ] && [ "$1" != --log ]; do shift; done
program='`\([^`"]*\)`'
[ ! -f "$2" ] || sed -i \
  -e "s/executable file $program not found in \$PATH: No such file or directory/exec: \\\\\"\\1\\\\\": executable file not found in \$PATH/" \
  -e "s/executable file $program not found: No such file or directory/exec: \\\\\"\\1\\\\\": stat \\1: no such file or directory/" \
  -e "s/the path $program is not a regular file: Operation not permitted/exec: \\\\\"\\1\\\\\": is a directory/" \
  -e "s/the path $program exists but it is not executable: Operation not permitted/exec: \\\\\"\\1\\\\\": permission denied/" \
  -e 's/: No such file or directory/: no such file or directory/' \
  -e 's/: Permission denied/: permission denied/' \
  -e 's/: Is a directory/: is a directory/' \
  -e 's/"msg":"exec: /"msg":"unable to start container process: exec: /' "$2"
exit "$code"
