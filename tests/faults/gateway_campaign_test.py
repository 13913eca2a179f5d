#!/usr/bin/env python3
"""The gateway killed at random instants, cut off from its backend, and over a slow network that loses.

What was sent is the simulator's own record of its frames; the history checker of kill_test.py holds the backend against it. The
network is tests/tools/tcp_proxy.py: a TCP link of limited rate, with delay, with stalls as lost segments make them, and with
partitions. CANTWIN_LONG: 1,000 kills in runs of 50, a partition of an hour; resumed where it stopped.
"""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import campaign as campaigns  # noqa: E402
import stack  # noqa: E402
from fleet_campaign_test import Fleet  # noqa: E402
from kill_test import check, sent_values, stored  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402
from tcp_proxy import Proxy  # noqa: E402

LONG = bool(os.environ.get("CANTWIN_LONG"))
KILLS, KILLS_A_RUN = (1000, 50) if LONG else (4, 4)
PARTITION_S = 3600 if LONG else 12


def frames(run):
    return sum(bus["frames"] for bus in run.gateway_status()["buses"])


def drained(run, sim):
    """The simulator has ended and its last value is at the backend; what was sent and what is held."""
    sim.stop()
    sent = sent_values(run)
    wait_for("the last value sent", lambda: sent[-1][1] in {c for _, c in stored(run)[0]}, 600 if LONG else 120)
    return sent, *stored(run)


def kill_at_random(campaign):
    """Case 1."""
    chance = random.Random(campaign.seed + campaign.count("kills"))
    while campaign.count("kills") < KILLS:
        with stack.Stack() as run:
            run.start_hub()
            run.start_fleet()
            gateway = run.start_gateway()
            sim = run.start_sim("--record", "sent.log")
            run.wait_connected()
            wait_for("stored values", lambda: stored(run)[0])
            slowest = 0.0
            for _ in range(KILLS_A_RUN):
                time.sleep(chance.uniform(0.1, 1.0))  # the instant is the campaign's random input
                gateway.kill()
                began = time.monotonic()
                gateway = run.start_gateway()
                wait_for("frames again", lambda: frames(run) > 0)
                slowest = max(slowest, time.monotonic() - began)
            newest = max(c for _, c in stored(run)[0])
            wait_for("new values", lambda: max(c for _, c in stored(run)[0]) > newest + 50)
            count, missing = check(*drained(run, sim), True)
        campaign.add("kills", KILLS_A_RUN)
        campaign.figure(f"{campaign.count('kills')} kills: {count} values of the last run stored once, {missing} missing inside reported "
                        f"gaps, frames again after {slowest:.2f} s at most")


def partition(campaign):
    """Case 28, first part: nothing gets through for a while and nobody is told."""
    proxy = Proxy(17601)
    with stack.Stack() as run:
        run.start_hub()
        run.start_fleet()
        run.start_gateway("--link.endpoint", f"tcp://127.0.0.1:{proxy.port}")
        sim = run.start_sim("--record", "sent.log")
        run.wait_connected()
        wait_for("stored values", lambda: stored(run)[0])
        proxy.partitioned = True
        began = time.monotonic()
        before = frames(run)
        time.sleep(PARTITION_S)  # the length of the partition is the input
        rate = (frames(run) - before) / (time.monotonic() - began)
        newest = max(c for _, c in stored(run)[0])
        proxy.partitioned = False
        healed = time.monotonic()
        wait_for("values again", lambda: max(c for _, c in stored(run)[0]) > newest, 90)
        back = time.monotonic() - healed
        sent, held, gaps = drained(run, sim)
        count, missing = check(sent, held, gaps, False)
        campaign.figure(f"{PARTITION_S} s without network: {count} values stored once, {missing} missing, values again after {back:.1f} s, "
                        f"{rate:.0f} frames/s decoded meanwhile")
    proxy.close()


def slow_network(campaign):
    """Case 28, second part: 300 ms round trip, 5 % of the chunks stall, 200 kB/s."""
    rate = 200e3
    proxy = Proxy(17601, delay_s=0.15, bytes_per_s=rate, stall_chance=0.05 / 4, seed=campaign.seed)
    with stack.Stack() as run:
        run.start_fleet()
        fleet = Fleet(run, "slow", 1, "--rate", "0", "--signals", "1000", "--plain", "--duration_s", "20" if not LONG else "600",
                      endpoint=f"tcp://127.0.0.1:{proxy.port}")
        wait_for("values", lambda: get("/api/v1/status")["samples"] > 0)
        before, began = proxy.passed, time.monotonic()
        fleet.sim.process.wait(900)
        used = (proxy.passed - before) / (time.monotonic() - began) / rate
        totals = fleet.totals()
        checked = fleet.check()
        campaign.figure(f"300 ms round trip, stalls, {rate / 1e3:.0f} kB/s: {100 * used:.0f} % of the link used, {checked} batches checked: "
                        f"0 lost, 0 twice")
        if totals["acked"] != totals["batches"]:
            raise Failure(f"{totals['acked']} of {totals['batches']} acknowledged")
        if used < 0.6:
            raise Failure(f"only {100 * used:.0f} % of the link used")
    proxy.close()


CASES = [kill_at_random, partition, slow_network]


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    campaigns.run("gateway", LONG, CASES)
