#!/usr/bin/env python3
"""Line and branch coverage of what the tests of one build ran: per file of what has a limit, per folder of the rest.

usage: coverage.py [--build build/coverage] [--missed]
  --missed          also lists the branches never taken of what has a limit, as FILE:LINE taken/all
Prints the table and `ok` or `not ok`. Nothing is excluded by hand: every branch that gcc counts at -O0 counts here.
"""
import argparse
import json
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
# How many branches of what must be covered, in percent: a folder's or a file's.
LIMITS = {"dbc/": 95.0, "update/verify.c": 100.0, "update/root.c": 100.0, "update/trust.c": 100.0, "update/manifest.c": 100.0,
          "update/update_journal.c": 100.0, "update/update_bundle.c": 100.0, "update/precondition.c": 100.0}
FOLDERS = ["base", "can", "cli", "dbc", "diagnostics", "fleet", "gateway", "policy", "proto", "sim", "twin", "update"]


def measure(build):
    filters = [argument for folder in FOLDERS for argument in ("--filter", f"{SOURCE}/{folder}/")]
    argv = ["gcovr", "--root", str(SOURCE), "--object-directory", str(build), *filters, "--json", "--exclude-throw-branches",
            "--gcov-ignore-parse-errors",
            str(build)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:] or f"gcovr ended with {done.returncode}")
    return {entry["file"]: entry["lines"] for entry in json.loads(done.stdout)["files"]}


class Tally:
    def __init__(self):
        self.lines = self.lines_run = self.branches = self.branches_taken = 0

    def add(self, lines):
        for line in lines:
            if line.get("gcovr/noncode"):
                continue
            self.lines += 1
            self.lines_run += line["count"] > 0
            self.branches += len(line["branches"])
            self.branches_taken += sum(branch["count"] > 0 for branch in line["branches"])

    def branch_percent(self):
        return 100.0 * self.branches_taken / self.branches if self.branches else 100.0

    def row(self, name):
        lines = 100.0 * self.lines_run / self.lines if self.lines else 100.0
        return (f"# {name:28} lines {lines:5.1f} % ({self.lines_run} of {self.lines})  branches "
                f"{self.branch_percent():5.1f} % ({self.branches_taken} of {self.branches})")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].splitlines()[0])
    parser.add_argument("--build", default=SOURCE / "build/coverage", type=pathlib.Path)
    parser.add_argument("--missed", action="store_true")
    options = parser.parse_args()
    try:
        files = measure(options.build)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"not ok coverage: gcovr: {error}")
        return 1
    totals = {folder: Tally() for folder in FOLDERS}
    limited = {name: Tally() for name in LIMITS}
    for name, lines in sorted(files.items()):
        totals[name.split("/")[0]].add(lines)
        for limit, tally in limited.items():
            if not name.startswith(limit):
                continue
            tally.add(lines)
            one = Tally()
            one.add(lines)
            print(one.row(name))
            for line in lines if options.missed else []:
                taken = sum(branch["count"] > 0 for branch in line["branches"])
                if taken < len(line["branches"]):
                    print(f"{name}:{line['line_number']} {taken}/{len(line['branches'])}")
    for folder, tally in totals.items():
        if tally.lines > 0:
            print(tally.row(folder + "/"))
    good = True
    for name, least in LIMITS.items():
        enough = limited[name].branch_percent() >= least and limited[name].branches > 0
        good = good and enough
        print(f"{'ok' if enough else 'not ok'} coverage: {name} branches {limited[name].branch_percent():.1f} %, at least {least:g} % wanted")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
