#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod /$module; done </modules
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 500 ]; do tries=$((tries + 1)); /bin/busybox usleep 10000; done
/bin/busybox mount -t ext4 -o noatime,nobarrier /dev/vda /root || exec /bin/busybox poweroff -f
/bin/busybox umount /proc
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /usr/bin/python3 -I -S -c \
  "import sys; sys.path.insert(0, '/@CODE@'); from grader.engine.inside.vm import main; main()"
