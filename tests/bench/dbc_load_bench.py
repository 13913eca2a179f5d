#!/usr/bin/env python3
"""How long the biggest DBC files take to load, side by side in one run: parsed and compiled here (goal: 10 ms per MB), and
loaded by cantools. Processor time, the least of all runs in one second; the median beside it shows how disturbed the
machine is."""

import os
import pathlib
import subprocess
import sys
import time

TOOL = pathlib.Path(os.environ["CANTWIN_TEST_BIN"]) / "dbc_load"
CORPUS = pathlib.Path(os.environ.get("CANTWIN_CORPUS", "../shared/corpus"))
SECONDS = "1"
FILES = 6
GOAL_MS_PER_MB = 10


def their_ms(path):
    try:
        import cantools
    except ImportError:
        return None
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    start = time.process_time()
    try:
        cantools.database.load_string(text, "dbc", strict=False)
    except Exception:  # whatever it raises: a file it does not read
        return None
    return (time.process_time() - start) * 1e3


def main():
    files = sorted(CORPUS.glob("dbc/*/*.dbc"), key=lambda path: -path.stat().st_size)[:FILES]
    if not files:
        print("skip dbc_load_bench: no corpus")
        return 0
    print(f"  {'file':28} {'kB':>5} {'parse ms':>9} {'compile ms':>10} {'ms per MB':>9} {'median':>7} {'cantools ms':>11}"
          f" {'ratio':>6}")
    worst = 0
    for path in files:
        run = subprocess.run([TOOL, path, SECONDS], capture_output=True, text=True, check=True)
        size, _, parse, parse_median, compiled, compiled_median = (float(word) for word in run.stdout.split())
        total = parse + compiled
        per_mb = total / (size / 1e6)
        median = (parse_median + compiled_median) / (size / 1e6)
        worst = max(worst, per_mb)
        theirs = their_ms(path)
        beside = f"{theirs:11.0f} {theirs / total:5.0f}x" if theirs else f"{'rejects it':>11}"
        print(f"  {path.name:28} {size / 1e3:5.0f} {parse:9.2f} {compiled:10.2f} {per_mb:9.2f} {median:7.2f} {beside}")
    met = "met" if worst <= GOAL_MS_PER_MB else "missed"
    print(f"ok dbc_load_bench: at most {worst:.2f} ms per MB, goal {GOAL_MS_PER_MB} {met}")
    return 0


sys.exit(main())
