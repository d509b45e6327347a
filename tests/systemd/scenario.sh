#!/bin/sh
# The packages of server and shim as a user of them meets them: installed, told who they are, started, killed, hung, stopped, purged.
# Run by systemd, see boot.sh. Every line must hold.
set -eux
cd /root
export DRAWBRIDGE_DATA=/var/lib/drawbridge DRAWBRIDGE_REGION=europe-west1
device=projects/local/locations/europe-west1/registries/greenhouse/devices/pi-1

is() { test "$(systemctl show --value --property "$2" "$1")" = "$3"; }
# Within 20 s.
soon() { for _ in $(seq 40); do if "$@"; then return 0; fi; sleep 0.5; done; return 1; }
# So many different readings are in the topic.
arrived() { test "$(drawbridge tail readings --no-follow | grep -o '{"celsius": [0-9.]*}' | sort -u | wc -l)" -eq "$1"; }
send() { curl --silent --show-error --fail --data "$1" http://127.0.0.1:8088/v1/events; }

# Installed, and nothing runs that was not asked for. What it may be told is root's.
is drawbridge UnitFileState disabled
is drawbridge ActiveState inactive
test "$(stat -c %a /etc/drawbridge/up.env)" = 600

# The server. `start` returns when it has said that it is ready. The token that it made is in its file and in no journal.
systemctl start drawbridge
is drawbridge ActiveState active
drawbridge registries create greenhouse --event-notification-config topic=readings
! journalctl --no-pager | grep -q -F "$(cat $DRAWBRIDGE_DATA/admin-token)"

# The shim, its key a credential.
drawbridge-shim keygen --out /etc/drawbridge/device
test "$(stat -c %a:%u /etc/drawbridge/device.key.pem)" = 600:0
drawbridge devices create pi-1 --registry greenhouse --public-key path=/etc/drawbridge/device.pub.pem,type=es256
install -m 0644 $DRAWBRIDGE_DATA/tls/root.pem /etc/drawbridge/root.pem
cat > /etc/drawbridge/shim.toml <<TOML
device      = "$device"
private_key = "/run/credentials/drawbridge-shim.service/device.key.pem"
bridge      = "mqtts://127.0.0.1:8883"
ca          = "/etc/drawbridge/root.pem"
data_dir    = "/var/lib/drawbridge-shim"
[accept]
http = "127.0.0.1:8088"
TOML
systemctl start drawbridge-shim
for unit in drawbridge drawbridge-shim; do
    test "$(stat -c %u "/proc/$(systemctl show --value --property MainPID $unit)")" -ge 61184
done

# A reading arrives; the shim is killed and comes back; the next one arrives, and none is lost.
send '{"celsius": 21.5}'
soon arrived 1
systemctl kill --signal KILL drawbridge-shim
soon is drawbridge-shim NRestarts 1
soon send '{"celsius": 22.5}'
soon arrived 2

# Each is alive to its watchdog, and ended by it when it hangs.
for unit in drawbridge drawbridge-shim; do
    mkdir -p "/run/systemd/system/$unit.service.d"
    printf '[Service]\nWatchdogSec=2\n' > "/run/systemd/system/$unit.service.d/watchdog.conf"
done
systemctl daemon-reload
systemctl restart drawbridge drawbridge-shim
sleep 5
for unit in drawbridge drawbridge-shim; do
    before=$(systemctl show --value --property NRestarts $unit)
    is $unit ActiveState active
    systemctl kill --signal STOP $unit
    soon is $unit NRestarts $((before + 1))
    journalctl --no-pager --unit $unit | grep -q 'Watchdog timeout'
done
soon send '{"celsius": 23.5}'
soon arrived 3

# Stopped in order.
systemctl stop drawbridge-shim drawbridge
is drawbridge Result success
is drawbridge-shim Result success

# A purge takes what each was told and leaves what it keeps.
dpkg --purge drawbridge-shim
test ! -e /etc/drawbridge/shim.toml && test ! -e /etc/drawbridge/device.key.pem
test -e /etc/drawbridge/up.env
test -d /var/lib/private/drawbridge-shim/spool
dpkg --purge drawbridge
test ! -e /etc/drawbridge/up.env
test -f /var/lib/private/drawbridge/admin-token
