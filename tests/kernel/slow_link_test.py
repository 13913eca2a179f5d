#!/usr/bin/env python3
"""Case 28 with the kernel's own bad network (netem) in place of tests/tools/tcp_proxy.py: 300 ms round trip, 5 % of the packets lost both
ways, a limited rate. Everything acknowledged is there once, nothing else is, and the link is used. In a network namespace of its own,
as the API on the same loopback would suffer too where others use it.
"""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tools"))
sys.path.insert(0, os.path.join(HERE, "../faults"))
import stack  # noqa: E402
from fleet_campaign_test import Fleet  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402

NETEM = ["delay", "150ms", "20ms", "loss", "5%", "rate", "8mbit"]
SECONDS = 20
PATIENCE_S = 300  # for what is on its way at the end: TCP doubles its patience with every loss


def shape(*how):
    subprocess.run(["tc", "qdisc", "replace", "dev", "lo", "root", *how], check=True, capture_output=True)


def lost_packets():
    shown = subprocess.run(["tc", "-s", "-j", "qdisc", "show", "dev", "lo"], check=True, capture_output=True, text=True).stdout
    return json.loads(shown)[0]["drops"]


def nothing_is_lost_on_a_bad_network():
    with stack.Stack() as run:
        run.start_fleet()
        fleet = Fleet(run, "slow", 3, "--rate", "5", "--signals", "200", "--duration_s", str(SECONDS))
        wait_for("values", lambda: get("/api/v1/status")["samples"] > 0)
        shape("netem", *NETEM)
        began = time.monotonic()
        fleet.sim.process.wait(SECONDS + PATIENCE_S)
        drops, seconds = lost_packets(), time.monotonic() - began
        shape("pfifo", "limit", "1000")  # the checker's questions may go by the good network
        totals, checked = fleet.totals(), fleet.check()
        print(f"# slow link: {drops} packets lost in {seconds:.0f} s; {totals['acked']} of {totals['batches']} batches acknowledged, {checked} "
              f"checked, ack p50 {totals['ack_ms_p50']} ms, p99 {totals['ack_ms_p99']} ms")
        if drops < 20:
            raise Failure(f"only {drops} packets were lost: this network was not bad")
        if totals["acked"] != totals["batches"] or totals["batches"] < SECONDS:
            raise Failure(f"{totals['acked']} of {totals['batches']} acknowledged")
        if totals["ack_ms_p50"] < 250:
            raise Failure(f"acknowledged after {totals['ack_ms_p50']} ms: the packets did not go by the slow way")


def main():
    if os.environ.get("CANTWIN_OWN_NETWORK") != "1":
        done = subprocess.run(["unshare", "--net", sys.executable, os.path.abspath(__file__)], check=False,
                              env={**os.environ, "CANTWIN_OWN_NETWORK": "1"})
        sys.exit(done.returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        shape("netem", *NETEM)
        shape("pfifo", "limit", "1000")
    except (OSError, subprocess.CalledProcessError):
        print("skip slow_link: no tc, or no netem in this kernel")
        return
    stack.finish([stack.case("slow_link_nothing_is_lost", nothing_is_lost_on_a_bad_network)])


if __name__ == "__main__":
    main()
