#!/bin/sh
# What BuildKit runs, which knows no other runtime than the runc that it finds. That one refuses to read what
# is mounted over a part of its tree.
exec unshare --mount sh -c 'umount @AVAILABLE@ && exec /usr/sbin/runc @OPTIONS@ "$@"' runc "$@"
