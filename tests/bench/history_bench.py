#!/usr/bin/env python3
"""Questions about one signal over a day of one vehicle (history_bench.c): a plot of 800 points, all samples, one hour, the last
value at noon, from a small vehicle to one of many signals and one of many samples. Lines: `# ...` figures and whether the goal
of 20 ms for the day is met, `ok` / `not ok` that the plot is of every sample. Times are not judged."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("CANTWIN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BENCH = pathlib.Path(os.environ.get("CANTWIN_TEST_BIN", ROOT / "build/test/tests")) / "history_bench"
VEHICLES = [(25, 1), (100, 1), (25, 10), (500, 1)]  # signals, Hz
MS = 20.0


def measure(signals, hz):
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([BENCH, folder, str(signals), str(hz)], check=True, stdout=subprocess.PIPE).stdout
        figures = json.loads(out)
        figures["bytes_per_sample"] = round(os.path.getsize(f"{folder}/day.db") / figures["samples"], 3)
    print("# " + ", ".join(f"{name} {value}" for name, value in figures.items()), flush=True)
    return figures


def main():
    if not BENCH.exists():
        print("skip history: history_bench is not built")
        return 0
    missing = []
    for signals, hz in VEHICLES:
        figures = measure(signals, hz)
        if figures["plotted"] != hz * 86400:
            missing.append((signals, hz))
        slow = [what for what in ("day_plot_ms", "day_raw_ms") if figures[what] > MS]
        print(f"# {signals} signals at {hz} Hz: goal of {MS} ms {'missed by ' + ', '.join(slow) if slow else 'met'}", flush=True)
    print(f"not ok history_bench: samples missing of {missing}" if missing else "ok history_bench")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
