#!/usr/bin/env python3
"""What identifies a person or a secret stays out of logs and topics: the VIN, positions' values, keys.

The VIN is asked from an ECU over the whole chain, so every program has had it in its hands; then every line that any of them
wrote and every topic that a subscriber of everything saw are searched for it and for the secret keys.
"""
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def vin_of(run):
    """By the API's answer to ReadDataByIdentifier F190."""
    state = stack.command("POST", "/api/v1/vehicles/demo/diagnostics", {"ecu": "engine", "request": "22F190"})
    response = bytes.fromhex(state["response"])
    vin = response[3:].decode("ascii")
    if state["state"] != "done" or response[:3] != b"\x62\xf1\x90" or len(vin) != 17:
        raise Failure(f"no VIN: {state}")
    return vin


def secrets(run):
    for path in glob.glob(run.path("keys/*.key")):
        with open(path, encoding="ascii") as file:
            yield os.path.basename(path), file.read().strip()


def topics(run):
    done = subprocess.run([sys.executable, os.path.join(HERE, "twin_subscriber.py"), "--endpoint", "tcp://127.0.0.1:17602",
                           "--server-key", "keys/fleet.curve.pub", "--public", "keys/subscriber.curve.pub", "--secret",
                           "keys/subscriber.curve.key", "--topic", "", "--count", "100"],
                          cwd=run.folder, capture_output=True, text=True, timeout=120, check=True)
    return {json.loads(line)["topic"] for line in done.stdout.splitlines()}


def nothing_told(run):
    vin = vin_of(run)
    seen = topics(run)
    if not seen or any(vin in topic for topic in seen) or any(not topic.startswith("demo/") for topic in seen):
        raise Failure(f"topics: {sorted(seen)[:10]}")
    latitude = [s["value"] for s in get("/api/v1/vehicles/demo/twin?match=Vehicle.CurrentLocation.Latitude")["signals"]]
    searched = {"the VIN": vin, **{f"the secret of {name}": key for name, key in secrets(run)},
                "the latitude": f"{latitude[0]:.4f}"}
    for name in ("sim", "gateway", "fleet", "hub"):
        run.processes[name].stop()
    lines = 0
    for path in glob.glob(run.path("*.err")) + glob.glob(run.path("*.out")):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        lines += text.count("\n")
        for what, word in searched.items():
            if word in text:
                raise Failure(f"{os.path.basename(path)} has {what}")
    if lines < 10:
        raise Failure(f"only {lines} lines were searched")
    print(f"# {lines} lines of log and {len(seen)} topics searched for {len(searched)} words")


def main():
    with stack.Stack() as run:
        run.start_hub()
        run.start_fleet("--log_level", "debug")
        run.start_gateway("--log_level", "debug")
        run.start_sim()
        run.wait_connected()
        wait_for("values", lambda: get("/api/v1/status")["samples"] > 100)
        stack.finish([stack.case("privacy_no_vin_position_or_secret_in_logs_and_topics", nothing_told, run)])


if __name__ == "__main__":
    main()
