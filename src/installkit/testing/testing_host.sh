# Become a host of installkit.testing.SSHHosts, as the first process of its own namespaces.
# With a control group to live in (empty: none) it boots with systemd, else its sshd is all that runs.
set -eu
name=$1 address=$2 port=$3 disk=$4 keys=$5 sshd=$6 group=$7 systemd=$8
root=$disk/root

mkdir -p "$disk/upper" "$disk/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$disk/upper,workdir=$disk/work" overlay "$root"
hostname "$name"
mkdir -p "$root/proc" "$root/dev" "$root/run" "$root/etc/ssh"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
cp -a /dev/full /dev/null /dev/random /dev/tty /dev/urandom /dev/zero "$root/dev"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
ln -s pts/ptmx "$root/dev/ptmx"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mkdir -p "$root/run/sshd" "$root/run/lock"
if [ -e /etc/resolv.conf ]; then
    rm -f "$root/etc/resolv.conf"
    cat /etc/resolv.conf > "$root/etc/resolv.conf"
fi
rm -f "$root/root/.bashrc"
if ! [ -e "$root/etc/ssh/installkit_config" ]; then # the first time that it has power
    printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" > "$root/etc/hosts"
    cat "$keys/$name.hostkey" > "$root/etc/ssh/installkit_host_key"
    cat "$keys/client.pub" > "$root/etc/ssh/installkit_authorized_keys"
    chmod 600 "$root/etc/ssh/installkit_host_key" "$root/etc/ssh/installkit_authorized_keys"
    cat > "$root/etc/ssh/installkit_config" <<END
Port $port
ListenAddress $address
UsePAM no
PermitRootLogin prohibit-password
PidFile none
MaxStartups 100
HostKey /etc/ssh/installkit_host_key
AuthorizedKeysFile /etc/ssh/installkit_authorized_keys
Subsystem sftp internal-sftp
END
    # Of all that this machine starts or mounts at boot, the host does nothing.
    rm -rf "$root"/etc/systemd/system/*.wants
    for link in "$root"/etc/rc[2-5].d/S*; do
        ! [ -h "$link" ] || mv "$link" "${link%/*}/K${link##*/S}"
    done
    : > "$root/etc/fstab"
    tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    cat > "$root/etc/systemd/system/installkit-sshd.service" <<END
[Service]
ExecStart=$sshd -D -e -f /etc/ssh/installkit_config
StandardError=append:/run/installkit-sshd.log
KillMode=process
END
    ln -s ../installkit-sshd.service "$root/etc/systemd/system/multi-user.target.wants"
fi
[ -n "$group" ] || exec chroot "$root" "$sshd" -D -e -f /etc/ssh/installkit_config

touch "$root/run/installkit-sshd.log"
mount --bind "$keys/$name.log" "$root/run/installkit-sshd.log"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" # which systemd empties
mount -t sysfs -o ro sysfs "$root/sys"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
echo 0 > "$group/cgroup.procs"
# A new root, not chroot: units that isolate themselves need one.
exec unshare --cgroup sh -euc '
    mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
    mkdir "$1/run/old"
    cd "$1"
    pivot_root . run/old
    umount -l /run/old
    exec env container=installkit "$2" --system --unit=multi-user.target --log-target=journal
' systemd "$root" "$systemd"
