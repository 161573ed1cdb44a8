#!/bin/busybox sh
# The OCI runtime of the container that keeps the shim of all others there. Its process is the shim itself.
while [ $# -gt 0 ]; do
  [ "$1" != --pid-file ] || printf %s $PPID >"$2" # to it, the end of a line is not part of a number
  shift
done
