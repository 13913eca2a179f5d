#!/usr/bin/env python3
"""Third parties read the backend: a pyzmq + protobuf subscriber written only from cantwin.proto, and keys that may not.

What the subscriber read is compared with the simulator's own record, decoded by cantools, not with the backend's word.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import cantools  # noqa: E402
import stack  # noqa: E402
from stack import Failure, wait_for  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def subscribe(run, key, topic, count, timeout_s=20):
    return subprocess.run([sys.executable, os.path.join(HERE, "twin_subscriber.py"), "--endpoint", "tcp://127.0.0.1:17602",
                           "--server-key", "keys/fleet.curve.pub", "--public", f"keys/{key}.curve.pub",
                           "--secret", f"keys/{key}.curve.key", "--topic", topic, "--count", str(count),
                           "--timeout", str(timeout_s)],
                          cwd=run.folder, capture_output=True, text=True, timeout=120, check=False)


def sent_counts(run):
    message = cantools.database.load_file(run.path("powertrain.dbc"), strict=False).get_message_by_name("ENGINE_STATUS")
    prefix = f"can0 {message.frame_id:03X}#"
    counts = set()
    for line in open(run.path("sent.log"), encoding="ascii"):
        if prefix in line:
            data = bytes.fromhex(line.split()[2].partition("#")[2])
            counts.add(int(message.decode(data, decode_choices=False)["ENGINE_FRAME_COUNT"]))
    return counts


def reads_changes(run):
    done = subscribe(run, "subscriber", "demo/can0.ENGINE_STATUS", 20)
    if done.returncode != 0:
        raise Failure(f"exit {done.returncode}: {done.stderr[-300:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    counts = [int(r["value"]) for r in rows if r["name"].endswith("ENGINE_FRAME_COUNT") and not r["snapshot"]]
    if len(counts) < 20 or counts != sorted(set(counts)):
        raise Failure(f"counts are not rising: {counts[:30]}")
    run.processes["sim"].stop()  # its record is complete now
    unknown = set(counts) - sent_counts(run)
    if unknown:
        raise Failure(f"values nobody sent: {sorted(unknown)[:5]}")
    revisions = sorted({r["revision"] for r in rows})
    if any(b - a != 1 for a, b in zip(revisions, revisions[1:])):
        raise Failure(f"revisions jump: {revisions[:20]}")


def speed_is_plausible(run):
    done = subscribe(run, "subscriber", "demo/Vehicle.Speed", 3)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    speeds = [r["physical"] for r in rows if r["name"] == "Vehicle.Speed"]
    if done.returncode != 0 or not speeds or not all(0 <= s <= 250 for s in speeds) or rows[0]["unit"] != "km/h":
        raise Failure(f"exit {done.returncode}: {speeds} {done.stderr[-200:]}")


def vehicle_key_reads_nothing(run):
    done = subscribe(run, "vehicle-demo", "", 1, timeout_s=3)
    if done.returncode == 0 or done.stdout:
        raise Failure("a vehicle's key could subscribe")


def main():
    results = []
    with stack.Stack() as run:
        run.start_hub()
        run.start_fleet()
        run.start_gateway()
        run.start_sim("--record", "sent.log")
        run.wait_connected()
        wait_for("values", lambda: stack.get("/api/v1/status")["samples"] > 50)
        results.append(stack.case("subscriber_reads_a_branch", speed_is_plausible, run))
        results.append(stack.case("subscriber_with_a_vehicles_key_reads_nothing", vehicle_key_reads_nothing, run))
        results.append(stack.case("subscriber_reads_changes_from_the_proto_alone", reads_changes, run))
    stack.finish(results)


if __name__ == "__main__":
    main()
