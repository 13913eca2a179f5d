#!/usr/bin/env python3
"""Questions about one signal over a day of one vehicle (history_bench.c): a plot of 800 points, all samples, one hour, the last
value at noon. Lines: `# ...` figures, `ok` / `not ok` for the day's plot within 20 ms at the rate that is promised."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("CANTWIN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BENCH = pathlib.Path(os.environ.get("CANTWIN_TEST_BIN", ROOT / "build/test/tests")) / "history_bench"
PROMISED = (25, 1)  # signals, Hz
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
    figures = measure(*PROMISED)
    measure(25, 10)
    measure(100, 1)
    good = figures["day_plot_ms"] <= MS
    print(("ok" if good else "not ok") + f" a day of one signal is read within {MS} ms ({figures['day_plot_ms']} ms)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
