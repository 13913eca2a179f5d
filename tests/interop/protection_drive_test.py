#!/usr/bin/env python3
"""Checksums of a recorded drive: every frame of the RAV4 log whose message has a checksum, against the sum made here.

Both buses, all messages with a signal CHECKSUM: length + bytes of the id + all bytes but the last, low 8 bits. Counters are
looked at as well; what they find is printed: PRE_COLLISION's does not count in this car, and the recording holds STEERING_LKA
four times in swapped order (counters 40 42 41 43).
"""
import json
import os
import re
import subprocess
import sys
import tempfile

BIN = os.path.join(os.environ["CANTWIN_BIN"], "cantwin")
SOURCE = os.environ.get("CANTWIN_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(SOURCE, "../shared/corpus"))
LOG = os.path.join(CORPUS, "logs/comma2k19/rav4_2017_first30s.candump.log.zst")
DBC = {"can0": os.path.join(CORPUS, "dbc/opendbc_generated/toyota_new_mc_pt_generated.dbc"),
       "can1": os.path.join(CORPUS, "dbc/opendbc/toyota_adas.dbc")}


def protected_ids(path):
    """Messages with a CHECKSUM of 8 bits, by id: their name and length."""
    found, message = {}, None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            start = re.match(r"BO_ (\d+) (\w+) *: *(\d+)", line)
            if start:
                message = int(start[1]), start[2], int(start[3])
            elif re.match(r"\s+SG_ CHECKSUM : \d+\|8@", line):
                found[message[0]] = message[1:]
    return found


def sums(log):
    """(bus, message) of each frame with a checksum, and whether it is right by the sum made here."""
    known = {bus: protected_ids(path) for bus, path in DBC.items()}
    for line in log.splitlines():
        _, bus, body = line.split()[:3]
        ident, _, text = body.partition("#")
        name, length = known.get(bus, {}).get(int(ident, 16), (None, 0))
        if name and len(text) == 2 * length:
            data = bytes.fromhex(text)
            number = int(ident, 16)
            yield bus, name, data[-1] == (length + (number & 0xFF) + (number >> 8) + sum(data[:-1])) & 0xFF


def main():
    if not os.path.exists(LOG):
        print("skip protection_drive: no corpus")
        return 0
    log = subprocess.run(["zstd", "-dqc", LOG], capture_output=True, text=True, check=True).stdout
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as rules:
        rules.write('rules:\n  - { match: "*", scheme: toyota }\n')
        rules.flush()
        done = subprocess.run([BIN, "decode", "--protection", rules.name, *(f"--bus={b}={p}" for b, p in DBC.items()), LOG],
                              capture_output=True, text=True, check=True)
    ours, counter = [], {}
    for row in map(json.loads, done.stdout.splitlines()):
        if "protection" in row:
            ours.append((row["bus"], row["name"], row["protection"] != "checksum"))
            if row["protection"] == "counter":
                counter[row["name"]] = counter.get(row["name"], 0) + 1
    theirs = list(sums(log))
    good = ours == theirs and len(theirs) > 30000
    print(f"{'ok' if good else 'not ok'} protection_drive every_checksum_as_summed_here"
          + ("" if good else f": {len(ours)} and {len(theirs)} frames"))
    wrong = sum(not right for _, _, right in theirs)
    print(f"{'ok' if wrong == 0 else 'not ok'} protection_drive all_{len(theirs)}_frames_are_intact")
    quiet = counter == {"PRE_COLLISION": 999, "STEERING_LKA": 4}
    print(f"{'ok' if quiet else 'not ok'} protection_drive swapped_and_stuck_counters_are_found: {counter}")
    return 0 if good and wrong == 0 and quiet else 1


if __name__ == "__main__":
    sys.exit(main())
