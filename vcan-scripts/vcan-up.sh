#!/usr/bin/env bash
# Makes virtual CAN interfaces of this kernel, able to carry CAN FD.
#
# usage: vcan-scripts/vcan-up.sh [NAME...]        (default: vcan0)
#   examples: vcan-scripts/vcan-up.sh;  vcan-scripts/vcan-up.sh vcan0 vcan1
# Needs root and a kernel with vcan. Where there is none, use a hub: cantwin bus serve /tmp/can0
# Exit codes: 0 all are up, 2 wrong usage, 3 the kernel or a permission is missing.
set -u

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0"; }
fail() { echo "vcan-up.sh: error: $2" >&2; exit "$1"; }

names=()
for argument in "$@"; do
    case $argument in
    --help | -h) usage; exit 0 ;;
    -*) fail 2 "unknown option '$argument'; see vcan-up.sh --help" ;;
    *)
        [[ $argument =~ ^[A-Za-z0-9_.-]{1,15}$ ]] || fail 2 "'$argument' is no interface name (1 to 15 letters, digits, _ . -)"
        names+=("$argument")
        ;;
    esac
done
[ ${#names[@]} -gt 0 ] || names=(vcan0)

command -v ip >/dev/null || fail 3 "the program ip is missing; install it: apt-get install iproute2"
[ "$(id -u)" = 0 ] || fail 3 "making interfaces needs root; run: sudo $0 ${names[*]}"

for name in "${names[@]}"; do
    if [ ! -e "/sys/class/net/$name" ]; then
        command -v modprobe >/dev/null && modprobe -q vcan 2>/dev/null
        if ! why=$(ip link add dev "$name" type vcan 2>&1); then
            case $why in
            *"Unknown device type"* | *"not supported"*)
                fail 3 "this kernel has no vcan ($why); load it with: modprobe vcan, or use a hub: cantwin bus serve /tmp/$name" ;;
            *) fail 3 "cannot make $name: $why" ;;
            esac
        fi
    elif ! ip -details link show dev "$name" | grep -qw vcan; then
        fail 3 "$name exists and is no virtual CAN interface; choose another name"
    fi
    # 72 bytes: an FD frame. The MTU cannot change while the interface is up.
    if [ "$(cat "/sys/class/net/$name/mtu")" -lt 72 ]; then
        { ip link set dev "$name" down && ip link set dev "$name" mtu 72; } || fail 3 "cannot give $name the MTU of CAN FD"
    fi
    why=$(ip link set dev "$name" up 2>&1) || fail 3 "cannot bring $name up: $why"
    echo "$name is up"
done
