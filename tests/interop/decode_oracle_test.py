#!/usr/bin/env python3
"""`cantwin decode` against the corpus oracle: every row of all databases goes in as a candump line, what comes out is
compared by name, raw value (exact) and physical value (equal or 1 ulp apart, both counted).

Rows that no single CAN frame can carry (over 64 bytes, or a length between the CAN FD steps) cannot be written as a
line; they are counted here and decoded by the unit test oracle_test. Lines: `ok`, `not ok`, `skip`; exit 1 on failure.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.join(os.environ.get("CANTWIN_BIN", os.path.join(SOURCE, "build", "test", "bin")), "cantwin")
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(SOURCE, "..", "shared", "corpus"))
FD_LENGTHS = {12, 16, 20, 24, 32, 48, 64}
# cantools forgets the branches of a selector that has a long name; we decode them.
MORE_THAN_ORACLE = {"ID201VCFRONT_loggingAndVitals10Hz"}


class Counts:
    rows = sent = unsendable = values = raw_equal = physical_equal = physical_1ulp = 0


def ordered(value):
    bits = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(1 << 63) - bits


def ulps(ours, theirs):
    if ours == theirs:
        return 0
    if isinstance(ours, str) or isinstance(theirs, str):
        return 2
    return abs(ordered(float(ours)) - ordered(float(theirs)))


def utf8_name(name):
    """The oracle read every file as Windows-1252; a UTF-8 name was taken apart there."""
    try:
        return name.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return name


def candump_line(number, row):
    length = len(row["data"]) // 2
    if length > 8 and length not in FD_LENGTHS:
        return None
    can_id = "%08X" % row["id"] if row["ext"] else "%03X" % row["id"]
    return "(%d.000000) can0 %s#%s%s\n" % (number, can_id, "#1" if length > 8 else "", row["data"].upper())


def check_signals(row, got, counts, problems):
    def problem(name, text):
        problems.append("%s %s %s: %s" % (row["msg"], row["data"], name, text))

    wanted = {utf8_name(name): signal for name, signal in row["signals"].items()}
    for name, want in wanted.items():
        counts.values += 1
        signal = got.get(name)
        if signal is None:
            problem(name, "not decoded")
            continue
        if signal["raw"] != want["raw"] or signal.get("bits") != want.get("bits"):
            problem(name, "raw %r, expected %r" % (signal["raw"], want["raw"]))
            continue
        counts.raw_equal += 1
        distance = ulps(signal["value"], want["phys"])
        counts.physical_equal += distance == 0
        counts.physical_1ulp += distance == 1
        if distance > 1:
            problem(name, "value %r, expected %r" % (signal["value"], want["phys"]))
    for name, signal in got.items():
        # over 64 bits (no value), or the first of two signals of one name: the oracle lists neither
        if name not in wanted and "value" in signal and "#" not in name and row["msg"] not in MORE_THAN_ORACLE:
            problem(name, "decoded, but not in the oracle")


def decode(dbc, lines):
    with tempfile.TemporaryFile() as log:
        log.write("".join(lines).encode())
        log.seek(0)
        return subprocess.run([BIN, "decode", "--dbc", dbc, "-"], stdin=log, capture_output=True, check=False)


def same_id_names(rows):
    """Names that share an id: a frame is decoded as the last of them, rows of the others prove nothing here."""
    names = {}
    for row in rows:
        names.setdefault((row["id"], row["ext"]), set()).add(row["msg"])
    return {name for group in names.values() if len(group) > 1 for name in group}


def check_file(path, counts):
    text = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout.decode()
    rows = [json.loads(line) for line in text.splitlines()]
    problems = []
    if not rows:
        return path, problems
    sent = {}
    lines = []
    for number, row in enumerate(rows, 1):
        counts.rows += 1
        line = candump_line(number, row)
        if line is None:
            counts.unsendable += 1
        else:
            counts.sent += 1
            sent[number] = row
            lines.append(line)
    result = decode(os.path.join(CORPUS, "dbc", rows[0]["dbc"]), lines)
    if result.returncode != 0:
        problems.append("exit status %d: %s" % (result.returncode, result.stderr.decode()[:200]))
    shared = same_id_names(rows)
    for line in result.stdout.decode().splitlines():
        out = json.loads(line)
        row = sent.pop(int(out["t"]))
        if out["name"] != utf8_name(row["msg"]):
            if row["msg"] not in shared:
                problems.append("%s decoded as %s" % (row["msg"], out["name"]))
            continue
        check_signals(row, out["signals"], counts, problems)
    problems += ["%s %s: no answer" % (row["msg"], row["data"]) for row in sent.values()]
    return rows[0]["dbc"], problems


def main():
    folder = os.path.join(CORPUS, "oracle")
    if not os.path.isdir(folder):
        missing = "no corpus at %s (set CANTWIN_CORPUS)" % CORPUS
        print(("not ok " if os.environ.get("CI") == "true" else "skip ") + "decode_oracle: " + missing)
        return 1 if os.environ.get("CI") == "true" else 0
    counts = Counts()
    failed = 0
    files = sorted(name for name in os.listdir(folder) if name.endswith(".jsonl.zst"))
    for name in files:
        dbc, problems = check_file(os.path.join(folder, name), counts)
        for text in problems[:5]:
            print("# %s %s" % (dbc, text))
        failed += bool(problems)
    print("# %d files, %d rows, %d sent, %d that no frame can carry" % (len(files), counts.rows, counts.sent,
                                                                        counts.unsendable))
    print("# %d values: raw equal %d, physical equal %d, 1 ulp apart %d" % (
        counts.values, counts.raw_equal, counts.physical_equal, counts.physical_1ulp))
    good = failed == 0 and counts.values > 0 and counts.raw_equal == counts.values
    print("%s decode_oracle: %d of %d databases equal" % ("ok" if good else "not ok", len(files) - failed, len(files)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
