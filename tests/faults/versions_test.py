#!/usr/bin/env python3
"""Case 40: the store of another version. A newer one is refused by name and not touched, and the version that made it goes on with it
as if nothing had been tried. With CANTWIN_OTHER_BIN (the bin folder of an older build) that one and this one take turns on one store
and against one backend: everything arrives once.
"""
import hashlib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402

OTHER = os.environ.get("CANTWIN_OTHER_BIN")


def crc32c(data):
    """CRC-32C (RFC 3720 appendix B.4), bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def made_newer(path, at, covered):
    """The same file with a version one higher at `at`; its checksum covers `covered` bytes and stands behind them."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    covered = covered or len(data) - 4
    if len(data) < covered + 4 or int.from_bytes(data[covered:covered + 4], "little") != crc32c(data[:covered]):
        raise Failure(f"{path}: the checksum is not where this test thinks")
    version = int.from_bytes(data[at:at + 4], "little") + 1
    data[at:at + 4] = version.to_bytes(4, "little")
    data[covered:covered + 4] = crc32c(data[:covered]).to_bytes(4, "little")
    return bytes(data)


def state_of(folder):
    """What stands in each file, locks left out."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            if "lock" not in name:
                with open(os.path.join(root, name), "rb") as file:
                    found[os.path.relpath(os.path.join(root, name), folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def sample_segment(folder):
    """The first file of the samples."""
    return sorted(name for name in os.listdir(os.path.join(folder, "outbox")) if name.startswith("3-"))[0]


def outbox(run):
    return run.gateway_status()["outbox"]


def fill(run):
    """A while without backend: the store has samples, events and a journal. Returns the store and the newest positions."""
    run.start_hub()
    gateway = run.start_gateway()
    sim = run.start_sim()
    wait_for("samples stored", lambda: outbox(run)["sample"]["newest"] >= 20)
    sim.stop()
    gateway.stop()
    return next(root for root, names, _ in os.walk(run.folder) if "outbox" in names)


def refused(run):
    """The gateway's last words."""
    done = subprocess.run([os.path.join(stack.BIN, "cantwin-gateway"), "--config", "gateway.yaml"], cwd=run.folder,
                          capture_output=True, text=True, timeout=stack.DEADLINE_S, check=False)
    if done.returncode != 3:
        raise Failure(f"exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stderr


def newer_store_is_refused_and_left_alone():
    with stack.Stack() as run:
        store = fill(run)
        files = [("outbox/state", 4, 0), ("outbox/" + sample_segment(store), 4, 60), ("commands.journal", 40, 60)]
        for name, at, covered in files:
            path = os.path.join(store, name)
            with open(path, "rb") as file:
                own = file.read()
            newer = made_newer(path, at, covered)
            with open(path, "wb") as file:
                file.write(newer)
            before = state_of(store)
            said = refused(run)
            if "version" not in said:
                raise Failure(f"{name} of a newer version: {said.strip()}")
            if state_of(store) != before:
                raise Failure(f"{name} of a newer version: the store was changed")
            with open(path, "wb") as file:
                file.write(own)
        # the version that made it goes on: everything arrives, and no hole
        run.start_fleet()
        run.start_gateway()
        run.wait_connected()
        wait_for("everything acknowledged", lambda: outbox(run)["sample"]["acked"] >= 20 and
                 outbox(run)["sample"]["acked"] == outbox(run)["sample"]["newest"])
        nothing_missing(20)


def nothing_missing(batches):
    """All batches came (the backend takes them in order, once), and no gap: these gateways were stopped cleanly."""
    gaps = [e for e in get("/api/v1/vehicles/demo/events")["events"] if e["name"] == "gap"]
    taken = wait_for("batches applied", lambda: (n := get("/api/v1/status")["batches"]) >= batches and n)
    if gaps:
        raise Failure(f"{taken} batches, gaps: {gaps}")


def turn(run, folder, seconds):
    """One version's turn as the gateway, beside the same simulator and backend."""
    own = stack.BIN
    stack.BIN = folder
    try:
        gateway = run.start_gateway()
    finally:
        stack.BIN = own
    before = outbox(run)["sample"]["newest"]
    wait_for("it stores", lambda: outbox(run)["sample"]["newest"] > before + 5)
    time.sleep(seconds)  # as long as this version has its turn
    gateway.stop()


def versions_take_turns_on_one_store():
    if OTHER is None:
        print("# versions: CANTWIN_OTHER_BIN names no older build, so none took its turn")
        return
    with stack.Stack() as run:
        run.start_hub()
        run.start_sim()
        for folder in (OTHER, stack.BIN, OTHER, stack.BIN):  # without backend: one reads what the other wrote
            turn(run, folder, 0.5)
        run.start_fleet()
        for folder in (OTHER, stack.BIN, OTHER):  # and one sends it
            turn(run, folder, 3)
        run.start_gateway()
        run.wait_connected()
        wait_for("everything acknowledged", lambda: (s := outbox(run)["sample"])["acked"] >= 20 and s["newest"] - s["acked"] < 5)
        nothing_missing(outbox(run)["sample"]["acked"])


if __name__ == "__main__":
    stack.finish([stack.case(f"versions_{c.__name__}", c) for c in (newer_store_is_refused_and_left_alone,
                                                                    versions_take_turns_on_one_store)])
