#!/usr/bin/env bash
# vcan-up.sh and vcan-down.sh against a kernel that has vcan.
cd "${CANTWIN_SOURCE:?run by tests/run.sh}" || exit 3
check() { # NAME COMMAND...: ok when it succeeds
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then echo "ok $name"; else echo "not ok $name: $out"; fi
}
is_up() { ip -o link show "$1" up | grep -q 'mtu 72'; }
ends_with() { # STATUS TEXT COMMAND...
    local status=$1 text=$2 out rc
    shift 2
    out=$("$@" 2>&1)
    rc=$?
    [ $rc = "$status" ] && [[ $out == *"$text"* ]] || { echo "exit $rc: $out"; return 1; }
}
check vcan_up_makes_two vcan-scripts/vcan-up.sh vcan5 vcan6
check vcan_up_first_is_up_and_fd is_up vcan5
check vcan_up_second_is_up_and_fd is_up vcan6
check vcan_up_again_changes_nothing vcan-scripts/vcan-up.sh vcan5
check vcan_up_refuses_a_bad_name ends_with 2 "no interface name" vcan-scripts/vcan-up.sh 'bad name'
ip link add dum0 type veth peer name dum1 2>/dev/null
check vcan_down_refuses_what_is_no_vcan ends_with 3 "no virtual CAN interface" vcan-scripts/vcan-down.sh dum0
check vcan_down_removes vcan-scripts/vcan-down.sh vcan5 vcan6
check vcan_down_of_nothing_is_done ends_with 0 "is not there" vcan-scripts/vcan-down.sh vcan5
if [ -e /sys/class/net/vcan5 ]; then echo "not ok vcan_down_it_is_gone: vcan5 is still there"; else echo "ok vcan_down_it_is_gone"; fi
