#!/usr/bin/env python3
"""The backend's disk fails at call n: write, fsync, fdatasync, ftruncate or rename of its log and database gives EIO.

Nothing may be acknowledged that is not there: whatever becomes of the process (it ends, a restart goes on from what is
durable), the history checker wants every acknowledged batch of every vehicle once. CANTWIN_LONG: every n there is.
"""
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import campaign as campaigns  # noqa: E402
import stack  # noqa: E402
from fleet_campaign_test import Fleet, said  # noqa: E402
from kill_test import check, sent_values, stored  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402

LONG = bool(os.environ.get("CANTWIN_LONG"))
LIBRARY = os.path.join(os.environ.get("CANTWIN_TEST_BIN", os.path.join(stack.SOURCE, "build/test/tests")), "libfail_io.so")
BATCHES = "60"


def failing(run, call):
    return {"LD_PRELOAD": LIBRARY, "FAIL_DIR": run.path("state/fleet"), "FAIL_CALL": str(call), "FAIL_REPORT": run.path("calls")}


def start_failing(start, env):
    """What was started, or None when it fails before it is ready (the failing call belongs to its start)."""
    try:
        return start(env=env)
    except Failure as failure:
        if "ended with 3" not in str(failure):
            raise
        return None


def one(call):
    """What became of the backend: "ended" or "went on"; and how many batches were checked."""
    with stack.Stack() as run:
        run.run("cantwin-sim", "--vehicles", "5", "--keys", "keys", "--name", "io", "--enrol")
        backend = start_failing(run.start_fleet, failing(run, call))
        fate = "ended" if backend is None else "went on"
        if backend is None:
            run.start_fleet()
        fleet = Fleet.__new__(Fleet)
        fleet.run, fleet.name, fleet.vehicles = run, "io", 5
        fleet.sim = run.start("sim-io", "cantwin-sim", "--vehicles", "5", "--fleet", "tcp://127.0.0.1:17601", "--keys", "keys", "--name",
                              "io", "--report", "io.report", "--rate", "50", "--batches", BATCHES)

        def over():
            nonlocal fate
            if run.processes["fleet"].process.poll() is not None:
                if run.processes["fleet"].process.returncode != 3 or not said(run.processes["fleet"], "error"):
                    raise Failure(f"call {call}: ended with {run.processes['fleet'].process.returncode} and no word about it")
                fate = "ended"
                run.start_fleet()
            return fleet.sim.process.poll() is not None
        wait_for("all acknowledged", over, 120)
        if fleet.sim.process.returncode != 0:
            raise Failure(f"call {call}: cantwin-sim ended with {fleet.sim.process.returncode}")
        try:
            checked = fleet.check()
        except OSError:  # the failing call came after the last batch: the backend has gone while it was asked
            wait_for("the backend's end", lambda: run.processes["fleet"].process.poll() is not None)
            over()
            checked = fleet.check()
        if call == 0:
            run.processes["fleet"].stop()
            with open(run.path("calls"), encoding="ascii") as file:
                return int(file.read()), checked
    return fate, checked


def every_call(campaign):
    calls, _ = one(0)
    wanted = range(1, calls + 1) if LONG else sorted(random.Random(campaign.seed).sample(range(1, calls + 1), 6))
    ended = campaign.count("ended")
    for call in wanted:
        if LONG and call <= campaign.count("calls"):
            continue
        fate, checked = one(call)
        campaign.add("calls")
        campaign.add("batches", checked)
        campaign.add("ended", fate == "ended")
        ended += fate == "ended"
    campaign.figure(f"{len(wanted)} of {calls} calls failed once each: the backend ended {ended} times, {campaign.count('batches')} "
                    f"batches checked: 0 acknowledged lost, 0 twice")


def gateway_call(call):
    """The gateway's disk fails at one call: what is missing at the backend lies in a reported gap."""
    with stack.Stack() as run:
        run.start_hub()
        run.start_fleet()
        env = {"LD_PRELOAD": LIBRARY, "FAIL_DIR": run.path("state/gateway"), "FAIL_CALL": str(call), "FAIL_REPORT": run.path("calls")}
        if start_failing(run.start_gateway, env) is None:
            run.start_gateway()
        sim = run.start_sim("--record", "sent.log")
        run.wait_connected()
        wait_for("values", lambda: get("/api/v1/status")["samples"] > 500)
        wait_for("counted values", lambda: len(stored(run)[0]) > 100)
        sim.stop()
        sent = sent_values(run)
        wait_for("the last value sent", lambda: sent[-1][1] in {c for _, c in stored(run)[0]})
        count, missing = check(sent, *stored(run), call != 0)
        run.processes["gateway"].stop()
        if call != 0:
            return call, count, missing
        with open(run.path("calls"), encoding="ascii") as file:
            return int(file.read()), count, missing


def gateway_calls(campaign):
    calls, _, _ = gateway_call(0)
    wanted = range(1, calls + 1) if LONG else sorted(random.Random(campaign.seed).sample(range(10, calls), 3))
    missing = 0
    for call in wanted:
        if LONG and call <= campaign.count("gateway calls"):
            continue
        _, count, gone = gateway_call(call)
        missing += gone
        campaign.add("gateway calls")
        campaign.add("values", count)
    campaign.figure(f"{len(wanted)} of about {calls} calls of the gateway failed once each: {campaign.count('values')} values stored once, "
                    f"{missing} missing, all inside reported gaps")


def main():
    if not os.path.exists(LIBRARY):
        print(f"not ok io_errors: {LIBRARY} is not built")
        sys.exit(1)
    campaigns.run("io", LONG, [every_call, gateway_calls])


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    main()
