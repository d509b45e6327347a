#!/bin/sh
# A systemd of its own on this machine's file system: whatever it writes is in memory, and gone afterwards. Runs as root:
#   tests/systemd/boot.sh FOLDER
# FOLDER has the packages to install and scenario.sh, which is run when systemd is up; what it prints is in FOLDER/log then, and
# this ends with 0 only if every line of it held. Longer than four minutes nothing takes.
set -eu
folder=$1

if [ "${2-}" != inside ]; then
    groups=
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        if [ -w "$hierarchy/cgroup.procs" ]; then groups="$groups $hierarchy/drawbridge-$$"; fi
    done
    mkdir $groups
    code=0
    (
        for group in $groups; do sh -c 'echo $PPID' > "$group/cgroup.procs"; done
        exec timeout --kill-after=5 240 unshare --mount --pid --fork --kill-child --ipc --uts --cgroup sh "$0" "$folder" inside
    ) || code=$?
    # The kernel takes a moment to see that they are empty.
    for group in $groups; do
        for _ in 1 2 3 4 5; do if find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi; sleep 0.2; done
    done
    exit $code
fi

mount --make-rprivate /
base=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
root=$base/root

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
    mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
fi
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
while read -r name major minor; do mknod -m 666 "$root/dev/$name" c "$major" "$minor"; done <<DEVICES
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
DEVICES
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# Nothing of this machine is started but what the scenario asks for.
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/drawbridge" "$root/var/lib/private" "$root"/var/lib/drawbridge*
rm -f "$root/usr/sbin/policy-rc.d"
for unit in systemd-udevd systemd-udev-trigger systemd-modules-load systemd-sysctl systemd-binfmt systemd-logind; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done
mkdir "$root/run/tried"
mount --bind "$folder" "$root/run/tried"
chroot "$root" sh -c 'dpkg --install /run/tried/*.deb' </dev/null
cat > "$root/etc/systemd/system/scenario.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh /run/tried/scenario.sh
StandardOutput=append:/run/tried/log
StandardError=append:/run/tried/log
TimeoutStartSec=120
# As PID 1 of a container systemd ends with the code that it is told.
ExecStopPost=/bin/sh -c '[ "$SERVICE_RESULT" = success ] && systemctl exit 0 || systemctl exit 1'
UNIT
cat > "$root/etc/systemd/system/scenario.target" <<'UNIT'
[Unit]
Requires=basic.target
Wants=systemd-journald.service scenario.service
After=basic.target
UNIT

cd "$root"
mkdir old
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=tried PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=scenario.target --show-status=no
