#!/usr/bin/env bash
# Removes virtual CAN interfaces; one that is not there is already removed. Never touches real ones.
#
# usage: vcan-scripts/vcan-down.sh [NAME...]      (default: vcan0)
#   examples: vcan-scripts/vcan-down.sh;  vcan-scripts/vcan-down.sh vcan0 vcan1
# Needs root. Exit codes: 0 none of them is left, 2 wrong usage, 3 a permission is missing or it is no virtual interface.
set -u

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }
fail() { echo "vcan-down.sh: error: $2" >&2; exit "$1"; }

names=()
for argument in "$@"; do
    case $argument in
    --help | -h) usage; exit 0 ;;
    -*) fail 2 "unknown option '$argument'; see vcan-down.sh --help" ;;
    *) names+=("$argument") ;;
    esac
done
[ ${#names[@]} -gt 0 ] || names=(vcan0)

command -v ip >/dev/null || fail 3 "the program ip is missing; install it: apt-get install iproute2"
for name in "${names[@]}"; do
    if [ ! -e "/sys/class/net/$name" ]; then
        echo "$name is not there"
        continue
    fi
    [ "$(id -u)" = 0 ] || fail 3 "removing interfaces needs root; run: sudo $0 ${names[*]}"
    ip -details link show dev "$name" | grep -qw vcan || fail 3 "$name is no virtual CAN interface; not removed"
    why=$(ip link delete dev "$name" 2>&1) || fail 3 "cannot remove $name: $why"
    echo "$name is removed"
done
