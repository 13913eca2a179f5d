#!/usr/bin/env python3
"""Recorded drives through `cantwin decode`.

1. Every log with an expected result in the corpus: per signal count, first, last, minimum and maximum are exactly those
   of cantools. In messages where cantools itself lost frames (it says which) the count may be higher. Extended ids that
   one log writes with seven digits are not in the expected results (they were not taken for ids there), and of two
   signals of one name in one message they hold one: ours are then called X and X#bit.
2. The RAV4's decoded speed, wheel speeds and steering angle against comma.ai's own decoding of that drive.

Tolerances of 2: the truth of wheel speeds, of their mean (its `speed`) and of the steering angle comes from the same
frames, in other units and rounded to 8 decimals, so it must agree to 1e-6 when both are taken at the frames' own times.
The SPEED message is the instrument cluster's value: it reads 1 to 3 % high by design (UN R39 forbids reading low) and
comes at 40 Hz, so it must lie between the truth less 0.1 m/s and the truth plus 4 % and 0.2 m/s.

Lines: `ok`, `not ok`, `skip`; exit 1 on failure.
"""
import bisect
import csv
import json
import os
import subprocess
import sys

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.join(os.environ.get("CANTWIN_BIN", os.path.join(SOURCE, "build", "test", "bin")), "cantwin")
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(SOURCE, "..", "shared", "corpus"))
RAV4 = "comma2k19/rav4_2017_first30s.candump.log.zst"
SEVEN_DIGITS = "css/j1939_truck.candump.log.zst"  # writes 0CF00400 as CF00400
KMH = 1 / 3.6
failed = False


def report(good, text):
    global failed
    failed = failed or not good
    print(("ok " if good else "not ok ") + text)


def decoded(log, databases, bus):
    """(t, bus, message, signals, id) of every decoded frame."""
    arguments = [BIN, "decode"]
    for name, dbc in databases:
        path = os.path.join(CORPUS, "dbc", dbc)
        arguments += ["--bus", name + "=" + path] if name else ["--dbc", path]
    arguments.append(os.path.join(CORPUS, "logs", log))
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            frame = json.loads(line)
            if bus is None or frame["bus"] == bus:
                yield frame["t"], frame["bus"], frame["name"], frame["signals"], frame["id"]
        summary = process.stderr.read()
    if process.returncode != 0:
        report(False, "%s: exit status %d: %s" % (log, process.returncode, summary.strip()[-200:]))


# ---- 1. whole logs

def statistics(frames, short_ids):
    result = {}
    count = 0
    for _, _, message, signals, can_id in frames:
        if not short_ids and 0x7FF < can_id < 0x10000000:
            continue
        count += 1
        for name, signal in signals.items():
            value = signal.get("value")
            if value is None:
                continue
            key = message + "." + name
            entry = result.get(key)
            if entry is None:
                result[key] = {"n": 1, "first": value, "last": value, "min": value, "max": value}
            else:
                entry["n"] += 1
                entry["last"] = value
                if not isinstance(value, str):
                    entry["min"] = min(entry["min"], value)
                    entry["max"] = max(entry["max"], value)
    return count, result


def check_log(path):
    with open(path, encoding="utf-8") as file:
        expected = json.load(file)
    lost = {text.split(":")[0] for text in expected["errors"]}
    databases = [(expected["bus"], expected["dbc"])]
    count, got = statistics(decoded(expected["log"], databases, expected["bus"]),
                            expected["log"] != SEVEN_DIGITS)
    problems = []
    if count != expected["decoded"] + expected["decode_errors"]:
        problems.append("%d frames decoded, expected %d" % (count, expected["decoded"] + expected["decode_errors"]))
    compared = 0
    for key, want in expected["signals"].items():
        name = key.encode("cp1252").decode("utf-8") if not key.isascii() else key
        have = got.get(name)
        if key.rsplit(".", 1)[0] in lost:
            if have is None or have["n"] < want["n"]:
                problems.append("%s: %r, expected at least %r" % (key, have, want))
            continue
        compared += 1
        others = [entry for other, entry in got.items() if other.startswith(name + "#")]
        if have != want and want not in others:
            problems.append("%s: %r, expected %r" % (key, have, want))
    for text in problems[:5]:
        print("# " + text)
    report(not problems, "drive_log %s by %s: %d frames, %d signals equal" % (expected["log"], expected["dbc"], count,
                                                                              compared))


# ---- 2. the RAV4 against the truth

def read_truth(name):
    path = os.path.join(CORPUS, "logs", "comma2k19", "truth_%s_first30s.csv" % name)
    with open(path, encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [float(row[0]) for row in rows], [[float(cell) for cell in row[1:]] for row in rows]


def interpolate(times, values, t):
    """Linear between the two samples around t; None outside."""
    at = bisect.bisect_left(times, t)
    if at < len(times) and abs(times[at] - t) < 1e-6:
        return values[at]
    if at == 0 or at == len(times):
        return None
    part = (t - times[at - 1]) / (times[at] - times[at - 1])
    return values[at - 1] + part * (values[at] - values[at - 1])


def compare(label, ours, times, values, allowed):
    """allowed(difference, truth) says whether one sample agrees."""
    compared, worst, bad = 0, 0.0, 0
    for t, value in ours:
        truth = interpolate(times, values, t)
        if truth is None:
            continue
        compared += 1
        worst = max(worst, abs(value - truth))
        bad += not allowed(value - truth, truth)
    report(compared > 1000 and bad == 0, "drive_truth %s: %d samples, %d outside, largest difference %.6f" % (
        label, compared, bad, worst))


def check_truth():
    wheels, angle, cluster = [], [], []
    databases = [("can0", "opendbc_generated/toyota_new_mc_pt_generated.dbc"), ("can1", "opendbc/toyota_adas.dbc")]
    for t, bus, message, signals, _ in decoded(RAV4, databases, None):
        if bus != "can0":
            continue
        if message == "WHEEL_SPEEDS":
            wheels.append((t, [signals["WHEEL_SPEED_" + w]["value"] * KMH for w in ("FL", "FR", "RL", "RR")]))
        elif message == "STEER_ANGLE_SENSOR":
            angle.append((t, signals["STEER_ANGLE"]["value"] + signals["STEER_FRACTION"]["value"]))
        elif message == "SPEED":
            cluster.append((t, signals["SPEED"]["value"] * KMH))

    def same(difference, _):
        return abs(difference) <= 1e-6

    times, values = read_truth("wheel_speed")
    for i, wheel in enumerate(("FL", "FR", "RL", "RR")):
        compare("wheel speed " + wheel + " (m/s)", [(t, w[i]) for t, w in wheels], times, [v[i] for v in values], same)
    times, values = read_truth("speed")
    compare("speed, mean of wheels (m/s)", [(t, sum(w) / 4) for t, w in wheels], times, [v[0] for v in values], same)
    compare("speed, cluster (m/s)", cluster, times, [v[0] for v in values],
            lambda difference, truth: -0.1 <= difference <= 0.04 * truth + 0.2)
    times, values = read_truth("steering_angle")
    compare("steering angle (deg)", angle, times, [v[0] for v in values], same)


def main():
    folder = os.path.join(CORPUS, "oracle_logs")
    if not os.path.isdir(folder):
        must = os.environ.get("CI") == "true"
        print("%s drive_truth: no corpus at %s (set CANTWIN_CORPUS)" % ("not ok" if must else "skip", CORPUS))
        return 1 if must else 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            check_log(os.path.join(folder, name))
    check_truth()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
