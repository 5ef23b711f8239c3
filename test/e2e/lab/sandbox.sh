#!/bin/sh
# Builds a root file system like a Lambda function's and becomes the emulator inside it. Runs in a mount and a pid
# namespace of its own, so that nothing here is seen outside and nothing has to be taken away again.
#
# LAB_ROOT and LAB_EMPTY empty folders, LAB_LAYERS the layers, the last first, with colons between; LAB_TASK the bundle,
# LAB_FILES files that go over the root, LAB_NODE (or nothing) and LAB_EMULATOR programs, LAB_BOOTSTRAP the runtime, LAB_USER uid:gid or nothing,
# LAB_CPU_GROUP the group's cgroup.procs or nothing.
# The arguments are the function's environment and then the emulator's own arguments.
set -eu
# Before anything is started: processes that are there already stay in the group they are in.
[ -z "$LAB_CPU_GROUP" ] || echo 0 >"$LAB_CPU_GROUP"
root=$LAB_ROOT
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr proc dev etc/ssl/certs opt var/task var/lang/bin var/runtime
mkdir -m 1777 tmp
for link in bin lib lib64 sbin; do ln -s "usr/$link" "$link"; done
mount --rbind -o ro /usr usr
mount --rbind /dev dev
mount -t proc proc proc
[ -z "$LAB_LAYERS" ] || mount -t overlay -o "ro,lowerdir=$LAB_LAYERS:$LAB_EMPTY" overlay opt
cp -R "$LAB_TASK/." var/task/
for program in ${LAB_NODE:+lang/bin/node="$LAB_NODE"} runtime/rie="$LAB_EMULATOR" runtime/bootstrap="$LAB_BOOTSTRAP"; do
  touch "var/${program%%=*}"
  mount --bind "${program#*=}" "var/${program%%=*}"
done
printf 'root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/home/sbx_user1051:/bin/sh\n' >etc/passwd
printf '127.0.0.1 localhost\n' >etc/hosts
printf 'nameserver 169.254.78.1\n' >etc/resolv.conf
cp -R "$LAB_FILES/." .
mount -o remount,bind,ro .
mount -t tmpfs -o size=512m,mode=1777 tmpfs tmp
cd "$root"
exec chroot ${LAB_USER:+--userspec="$LAB_USER"} "$root" /usr/bin/env -i -C /var/task "$@"
