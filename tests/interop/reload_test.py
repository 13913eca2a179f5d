#!/usr/bin/env python3
"""SIGHUP with a changed DBC or mapping on the lossless hub: every frame sent is decoded or counted unknown, values carry over.

The number of frames is the simulator's own record, not the gateway's word.
"""
import json
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, wait_for  # noqa: E402


def sent_frames(run):
    """Frames of the simulator (its record also holds frames it received: what the gateway routed)."""
    return sum(1 for line in open(run.path("sent.log"), encoding="ascii") if not line.rstrip().endswith(" R"))


def counters(run):
    status = run.gateway_status()
    return {key: sum(bus[key] for bus in status["buses"]) for key in ("frames", "decoded", "unknown")}


def twin(run):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(stack.DEADLINE_S)
        client.connect(run.path(run.status_socket()))
        client.sendall(b'{"get":"twin","match":"*"}\n')
        values = {}
        for line in client.makefile():
            row = json.loads(line)
            if "end" in row:
                return values
            values[row["name"]] = row
    raise Failure("the twin's answer has no end")


def edit(run, name, change):
    text = open(run.path(name), encoding="utf-8").read()
    changed = change(text)
    if changed == text:
        raise Failure(f"the test's edit of {name} changed nothing")
    open(run.path(name), "w", encoding="utf-8").write(changed)


def reload(run, says):
    gateway = run.processes["gateway"]
    seen = len(gateway.lines)
    gateway.signal(signal.SIGHUP)
    wait_for("the reload", lambda: any(re.search(says, line) for line in gateway.lines[seen:]))


def without_message(text, name):
    return re.sub(rf"(?ms)^BO_ \d+ {name}:.*?\n(?=\n|BO_ |[A-Z]+_)", "", text, count=1)


def frames_balance_across_reload(run, message):
    before = counters(run)["frames"]
    wait_for("frames", lambda: counters(run)["frames"] > before + 200)
    edit(run, "powertrain.dbc", lambda text: without_message(text, message))
    reload(run, "configuration reloaded")
    at = counters(run)["frames"]
    wait_for("frames after the reload", lambda: counters(run)["frames"] > at + 200)
    wait_for("a frame of the removed message, counted unknown", lambda: counters(run)["unknown"] > 0)
    run.processes["sim"].stop()
    total = sent_frames(run)
    wait_for(f"all {total} frames read", lambda: counters(run)["frames"] == total)
    now = counters(run)
    if now["frames"] != now["decoded"] + now["unknown"]:
        raise Failure(f"frames in {now['received']} != decoded {now['decoded']} + unknown {now['unknown']}")
    left = [name for name in twin(run) if f".{message}." in name]
    if left:
        raise Failure(f"the removed message is still in the twin: {left[:3]}")


def values_carry_over(run):
    """The bus is silent now: values and their times must be the same after a reload that changes something else."""
    old = {n: r for n, r in twin(run).items() if "never-seen" not in r["quality"]}
    edit(run, "mapping.json", lambda text: re.sub(r'"interval_ms"\s*:\s*\d+', '"interval_ms": 77', text, count=1))
    reload(run, "configuration reloaded")
    new = twin(run)
    for name, row in old.items():
        if name not in new:
            raise Failure(f"{name} is gone")
        if new[name]["value"] != row["value"] or new[name]["t_ns"] != row["t_ns"]:
            raise Failure(f"{name} was {row['value']} at {row['t_ns']}, is {new[name]['value']} at {new[name]['t_ns']}")
    if len(old) < 50:
        raise Failure(f"only {len(old)} values to compare")


def broken_file_keeps_the_old(run):
    old = twin(run)
    good = open(run.path("powertrain.dbc"), encoding="utf-8").read()
    edit(run, "powertrain.dbc", lambda text: re.sub(r"(?m)^ SG_ (\w+) :.*$", r" SG_ \1 : no|such@thing", text, count=1))
    reload(run, r"powertrain\.dbc:\d+:\d+: error")
    if set(twin(run)) != set(old):
        raise Failure("the twin changed although the new file is broken")
    open(run.path("powertrain.dbc"), "w", encoding="utf-8").write(good)


def main():
    results = []
    with stack.Stack() as run:
        run.start_hub()
        run.start_gateway()
        run.start_sim("--record", "sent.log")
        results.append(stack.case("reload_frames_in_equal_decoded_plus_unknown", frames_balance_across_reload, run, "BATTERY_HEALTH"))
        results.append(stack.case("reload_values_carry_over", values_carry_over, run))
        results.append(stack.case("reload_broken_file_keeps_the_old", broken_file_keeps_the_old, run))
        results.append(stack.case("reload_gateway_stops_cleanly", run.processes["gateway"].stop))
    stack.finish(results)


if __name__ == "__main__":
    main()
