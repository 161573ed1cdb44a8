#!/bin/sh
# What a rootless dockerd does to a container's settings, and one that runs as root does not: no limits by
# controllers that were not passed on (crun refuses them, even empty), no better a score than the daemon's
# own when memory runs out (Linux refuses that).
for word; do [ "$last" != --bundle ] || bundle=$word; last=$word; done
case " $* " in *" create "*)
  sed -i -E 's/"oomScoreAdj":(-?[0-9]{1,2}|-[0-9]+|[1-4][0-9]{2})([,}])/"oomScoreAdj":@SCORE@\2/@REMOVE@'     "$bundle/config.json" ;;
esac
exec @RUNTIME@ "$@"
