#!/bin/busybox sh
# The OCI runtime of the engine: crun, and before and after it what vm_runtime.py does.
# The program of this crun is read-only, so it need not execute a copy of itself.
export _LIBCONTAINER_CLONED_BINARY=1
for id; do :; done
case " $* " in
  *" create "*)
    echo "create $$ $*" >@FIFO@
    kill -STOP $$
    @CRUN@ "$@" || { code=$?; . /etc/dockbook/runtime-failed.sh; }
    echo "created $$ $*" >@FIFO@
    kill -STOP $$
    exit 0 ;;
  *" start $id "*)
    echo "start $$ $*" >@FIFO@
    kill -STOP $$ ;;
  *" exec "*)
    @CRUN@ "$@" || { code=$?; . /etc/dockbook/runtime-failed.sh; }
    exit 0 ;;
esac
exec @CRUN@ "$@"
