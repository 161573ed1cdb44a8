#!/bin/sh
# @MARK@: pseudo-terminals, and keys of the kernel.
for word; do [ "$last" != --bundle ] || bundle=$word; last=$word; done
if [ -n "$bundle" ]; then
@GUARD@
  sed -i 's/\("type":"devpts","source":"devpts","options":\[\)/\1"max=@PTYS@",/' "$bundle/config.json"
  count=$# done=
  while [ $count -gt 0 ]; do
    word=$1; shift; set -- "$@" "$word"; count=$((count - 1))
    case "$done$word" in create | run) set -- "$@" --no-new-keyring; done=yes ;; esac
  done
fi
exec @NEXT@ "$@"
