#!/usr/bin/env python3
"""Reading and writing logs, printed and never judged: one `ok` line a format, so that a broken benchmark is seen.

The recorded drive, ten times over: `cantwin replay LOG - --from 1e9` reads every frame and writes none (process start
included); `cantwin replay drive.blf OUT` reads BLF and writes. python-can's readers and writers beside it. CPU time, not
wall time.
"""
import os
import resource
import subprocess
import sys
import tempfile
import time

ROOT = os.environ.get("CANTWIN_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CANTWIN = os.path.join(os.environ.get("CANTWIN_BIN", os.path.join(ROOT, "build", "test", "bin")), "cantwin")
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(ROOT, "..", "shared", "corpus"))
DRIVE = os.path.join(CORPUS, "logs/comma2k19/rav4_2017_first30s.candump.log.zst")
TIMES = 10
LENGTH_S = 40  # more than the drive has, between its repetitions

try:
    import can
except ImportError as error:
    print(f"skip log_bench: {error}")
    sys.exit(0)


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def replay(*arguments):
    began = children()
    subprocess.run([CANTWIN, "replay", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return children() - began


def repeat_drive(folder):
    drive = os.path.join(folder, "drive.log")
    replay(DRIVE, drive)
    with open(drive, encoding="ascii") as log:
        lines = log.read().splitlines()
    stamps = [float(line[1:line.index(")")]) for line in lines]
    with open(drive, "w", encoding="ascii") as log:
        for turn in range(TIMES):
            for stamp, line in zip(stamps, lines):
                log.write(f"({stamp + turn * LENGTH_S:.6f}){line[line.index(')') + 1:]}\n")
    for extension in (".asc", ".blf"):
        replay(drive, os.path.join(folder, "drive" + extension))
    return len(lines) * TIMES


def python_read(path):
    began = time.process_time()
    count = 0
    with can.LogReader(path) as reader:
        for _ in reader:
            count += 1
    return (time.process_time() - began) / count


def python_write(path, messages):
    began = time.process_time()
    with can.Logger(path) as logger:
        for message in messages:
            logger(message)
    return (time.process_time() - began) / len(messages)


def main():
    if not os.path.exists(DRIVE):
        print("skip log_bench: no corpus, set CANTWIN_CORPUS")
        return
    with tempfile.TemporaryDirectory(prefix="cantwin-") as folder:
        frames = repeat_drive(folder)
        blf = os.path.join(folder, "drive.blf")
        with can.LogReader(blf) as reader:
            messages = [message for message, _ in zip(reader, range(50000))]
        for extension in (".log", ".asc", ".blf"):
            path = os.path.join(folder, "drive" + extension)
            read = min(replay(path, "-", "--from", "1000000000") for _ in range(3)) / frames
            write = min(replay(blf, os.path.join(folder, "out" + extension)) for _ in range(3)) / frames
            theirs_read = python_read(path)
            theirs_write = python_write(os.path.join(folder, "theirs" + extension), messages)
            print(f"# {extension[1:]}: read {1e-6 / read:.2f} M frames/s ({read * 1e9:.0f} ns), python-can "
                  f"{theirs_read * 1e9:.0f} ns, ratio {read / theirs_read:.3f}; written from BLF {write * 1e9:.0f} ns, "
                  f"python-can {theirs_write * 1e9:.0f} ns")
            print(f"ok log_bench_{extension[1:]}")


if __name__ == "__main__":
    main()
