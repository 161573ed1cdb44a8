set -eu
umask 022
rm -rf vm.new
mkdir vm.new
cp -al rootfs vm.new/rootfs
mkdir -p vm.new/rootfs/srv/dockbook vm.new/rootfs/dev vm.new/rootfs/proc vm.new/rootfs/sys
[ ! -d preload/image ] || cp -al preload vm.new/rootfs/srv/dockbook/preload
cp -r --preserve=links hub vm.new/rootfs/srv/dockbook/hub
chmod -R a+rX vm.new/rootfs/srv/dockbook/hub
tar -C vm.new/rootfs -x
chroot vm.new/rootfs depmod "$1"
cp "vm.new/rootfs/lib/modules/$1/modules.dep" vm.new/
used=$(du -sm --apparent-size vm.new/rootfs | cut -f1)
files=$(find vm.new/rootfs | wc -l)
size=$((used + used / 8 + $2))
mke2fs -q -t ext4 -O ^has_journal,^resize_inode -E lazy_itable_init=1,discard -m 0 -b 4096 \
  -N $((files + 100000)) -L dockbook -d vm.new/rootfs vm.new/disk.raw "${size}M"
rm -rf vm.new/rootfs
chmod 644 vm.new/disk.raw
