#!/bin/sh
# The OCI runtime of the engine: crun, with help for the three commands that need cgroups, which a sandbox
# may lack: `docker top`, `docker pause` and `docker unpause` then work on the container's processes in /proc.
for id; do :; done
case " $* " in
  *" start $id "*)
    # dockerd opens the pipes of a container's output in threads of its own, and gives an open up when the
    # container has ended. On a busy machine a short program can be faster than that thread, and its output
    # is lost: so nothing starts before dockerd reads. (An O_PATH descriptor leads there too, without -r.)
    folder=/run/docker/containerd/$id
    wanted='' tries=300
    for pipe in "$folder/$id-stdout" "$folder/$id-stderr"; do [ ! -p "$pipe" ] || wanted=x$wanted; done
    read -r daemon 2>/dev/null </run/docker.pid
    while [ -n "$daemon" ] && [ $tries -gt 0 ]; do
      found=$(find "/proc/$daemon/fd" -perm -400 -lname "$folder/$id-std[oe]*" -printf x 2>/dev/null)
      [ ${#found} -lt ${#wanted} ] || break
      tries=$((tries - 1))
      sleep 0.01
    done
    exec /usr/bin/crun "$@" ;;
  *" ps --format json "*) command=ps ;;
  *" pause $id "*) command=pause ;;
  *" resume $id "*) command=resume ;;
  *" create "* | *" exec "*)
    /usr/bin/crun "$@" || { code=$?; . /etc/dockbook/runtime-failed.sh; }
    exit 0 ;;
  *) exec /usr/bin/crun "$@" ;;
esac
/usr/bin/crun "$@" 2>/dev/null && exit
while [ $# -gt 1 ] && [ "$1" != --root ]; do shift; done
init=$(/usr/bin/crun --root "$2" state "$id" | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
[ "${init:-0}" -gt 0 ] || { echo "container $id does not run" >&2; exit 1; }
namespace=$(readlink "/proc/$init/ns/pid" | sed 's/[][]/\\&/g')
members() {
  find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/pid' -lname "$namespace" 2>/dev/null | cut -d/ -f3 | sort -n
}
# A process may end between the look and the signal, which is no error, and until it is stopped it may start
# another: so the signal is sent until there is nobody new.
stop() {
  seen='' tries=50
  while pids=$(members); [ "$pids" != "$seen" ] && [ $tries -gt 0 ]; do
    kill -STOP $pids 2>/dev/null
    seen=$pids
    tries=$((tries - 1))
  done
}
case $command in
  ps) echo "[$(echo $(members) | tr ' ' ,)]"; exit ;;
  pause) stop ;;
  resume) kill -CONT $(members) 2>/dev/null ;;
esac
kill -0 "$init" 2>/dev/null || { echo "container $id does not run" >&2; exit 1; }
