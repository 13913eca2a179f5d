#!/usr/bin/env python3
"""The README's demo, as a user runs it, and a real drive through the whole chain.

1. `demo.sh --seconds N` exits 0; its last lines count frames, signals, mirrored values, round trips and no loss.
2. `demo.sh --replay` of the RAV4 log; what the backend then holds is compared with comma.ai's own decoding of that drive.

Tolerance of 2: a replayed frame is stamped when the bus takes it, so times differ from the log's by a constant and by the
machine's mood. Wheel speeds are therefore compared as sequences: the changes the backend stored must be the truth's changes,
one by one and to 1e-6 m/s (the truth is rounded to 8 decimals), but for a few at the ends, where the truth begins later. The
slow ones are compared with the truth within half a second of their own time: the steering angle to half a step of its
1.5 degrees (the fraction is a signal of its own), the cluster's SPEED, which reads 1 to 3 % high by design (UN R39), between
truth - 0.1 m/s and truth * 1.04 + 0.2 m/s.
"""
import bisect
import csv
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure  # noqa: E402

DEMO = os.path.join(stack.SOURCE, "vcan-scripts/demo.sh")
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(stack.SOURCE, "../shared/corpus"))
LOG = os.path.join(CORPUS, "logs/comma2k19/rav4_2017_first30s.candump.log.zst")
KMH = 1 / 3.6


def demo(*arguments):
    done = subprocess.run(["bash", DEMO, "--no-install", *arguments], capture_output=True, text=True, timeout=240, check=False)
    if done.returncode != 0:
        raise Failure(f"exit {done.returncode}: {done.stdout[-600:]} {done.stderr[-600:]}")
    tail = done.stdout.strip().splitlines()[-5:]
    found = dict(re.match(r"(.*?): +(-?\d+)$", line).groups() for line in tail)
    return {name.strip(): int(value) for name, value in found.items()}, done.stdout


def demo_counts():
    counts, text = demo("--seconds", "8")
    if counts["frames decoded"] < 1000 or counts["signals in the twin"] < 100 or counts["values mirrored"] < 500:
        raise Failure(f"too little: {counts}")
    if counts["commands round-tripped"] != 2 or counts["values lost"] != 0:
        raise Failure(str(counts))
    vin = re.search(r"response 62f190([0-9a-f]{34})\b", text)
    if not vin or not bytes.fromhex(vin.group(1)).isalnum():
        raise Failure("the diagnostic request brought no VIN home")
    print(f"# {counts}")


def read_truth(name):
    with open(os.path.join(CORPUS, f"logs/comma2k19/truth_{name}_first30s.csv"), encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [float(row[0]) for row in rows], [[float(cell) for cell in row[1:]] for row in rows]


def history(signal):
    answer = stack.get(f"/api/v1/vehicles/demo/history?signal={signal}&from=0&to=9999999999999")
    if answer["gaps"]:
        raise Failure(f"gaps reported: {answer['gaps'][:3]}")
    return [(s[0] / 1e6, s[1]) for s in answer["samples"] if not s[2]]


def near(times, values, t, accept):
    """True when one of the truth's samples within half a second of t is accepted."""
    low, high = bisect.bisect_left(times, t - 0.5), bisect.bisect_right(times, t + 0.5)
    return any(accept(value) for value in values[low:high])


def compare(label, ours, times, values, shift, accept, least=1000):
    inside = [(t - shift, v) for t, v in ours if times[0] <= t - shift <= times[-1]]
    bad = [(t, v) for t, v in inside if not near(times, values, t, lambda truth, v=v: accept(v, truth))]
    if len(inside) < least or bad:
        raise Failure(f"{label}: {len(bad)} of {len(inside)} values have no truth near, first {bad[:2]}")
    print(f"# {label}: {len(inside)} values agree")


def same_changes(label, ours, truth):
    """The truth's values without repetitions stand in ours, in order and without a hole."""
    changes = [v for i, v in enumerate(truth) if i == 0 or abs(v - truth[i - 1]) > 1e-6]
    values = [v * KMH for _, v in ours]
    for start in range(20):
        pairs = list(zip(values[start:], changes))
        if len(pairs) > len(changes) - 20 and all(abs(a - b) <= 1e-6 for a, b in pairs):
            print(f"# {label}: {len(pairs)} of {len(changes)} changes are the truth's, in order")
            return
    raise Failure(f"{label}: {len(values)} stored changes are not the truth's {len(changes)}")


def drive_agrees(run):
    """Asks a backend restarted on the demo's store."""
    fleet = stack.Process("fleet", [os.path.join(stack.BIN, "cantwin-fleet"), "--config", "fleet.yaml"], run)
    try:
        fleet.wait_line("ready")
        times, wheel_truth = read_truth("wheel_speed")
        wheels = [history(f"can0.WHEEL_SPEEDS.WHEEL_SPEED_{w}") for w in ("FL", "FR", "RL", "RR")]
        # The frames whose value differs leave on change: pair ours with the truth's changes to find the constant.
        changes = [times[i] for i in range(1, len(times)) if wheel_truth[i][0] != wheel_truth[i - 1][0]]
        ours = [t for t, _ in wheels[0]][1:]
        pairs = min(len(changes), len(ours))
        shift = statistics.median(a - b for a, b in zip(ours[-pairs:], changes[-pairs:]))
        for i, name in enumerate(("FL", "FR", "RL", "RR")):
            same_changes(f"wheel speed {name}", wheels[i], [row[i] for row in wheel_truth])
        times, truth = read_truth("speed")
        compare("cluster speed", history("can0.SPEED.SPEED"), times, [row[0] for row in truth], shift,
                lambda v, t: -0.1 <= v * KMH - t <= 0.04 * t + 0.2)
        angle_times, angle_truth = read_truth("steering_angle")
        angles = history("can0.STEER_ANGLE_SENSOR.STEER_ANGLE")
        compare("steering angle", angles, angle_times, [row[0] for row in angle_truth], shift,
                lambda v, t: abs(v - t) <= 0.75 + 1e-6, least=40)
        fleet.stop()
    finally:
        fleet.kill()


def replay():
    run = tempfile.mkdtemp(prefix="cantwin-replay-")
    try:
        dbc = os.path.join(CORPUS, "dbc")
        counts, _ = demo("--replay", LOG, "--run-dir", run,
                         "--dbc", f"can0={dbc}/opendbc_generated/toyota_new_mc_pt_generated.dbc",
                         "--dbc", f"can1={dbc}/opendbc/toyota_adas.dbc")
        if counts["values lost"] != 0:
            raise Failure(str(counts))
        print(f"# {counts}")
        drive_agrees(run)
    finally:
        shutil.rmtree(run, ignore_errors=True)


def main():
    results = [stack.case("demo_counts_and_no_loss", demo_counts)]
    if os.path.exists(LOG):
        results.append(stack.case("demo_replay_of_a_real_drive_agrees_with_the_truth", replay))
    elif os.environ.get("CI") == "true":
        results.append(stack.case("demo_replay_of_a_real_drive", lambda: (_ for _ in ()).throw(Failure(f"no {LOG}"))))
    else:
        print(f"skip demo_replay_of_a_real_drive: no {LOG} (set CANTWIN_CORPUS)")
    stack.finish(results)


if __name__ == "__main__":
    main()
