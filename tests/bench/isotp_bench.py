#!/usr/bin/env python3
"""ISO-TP throughput: messages of 4,095 bytes and 64 KiB over block size x STmin x TX_DL, our machine at both ends beside
python-can-isotp at both ends, each over python-can's multicast bus on this machine. With --kernel (run it by
vcan-scripts/in-test-kernel) beside the kernel's ISO-TP over vcan0 instead. The first consecutive frames cost STmin at least:
`least` is that bound. Figures in kB/s; `lost`: the transfer broke because the bus lost frames. Both run in turn, round by round
(CANTWIN_BENCH_ROUNDS, 3): a figure is the median of its rounds and `times` the median of each round's ratio, so that what else
the machine does meets both alike.

Lines: `# ...` figures, `ok` / `not ok` that nothing came faster than STmin allows, `skip`. Speed is not judged.
"""
import argparse
import logging
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

TEST_BIN = pathlib.Path(os.environ.get("CANTWIN_TEST_BIN", "build/test/tests"))
PEER = TEST_BIN / "isotp_peer"
GROUP = "239.74.163.9"
TIMEOUT = 30
ROUNDS = int(os.environ.get("CANTWIN_BENCH_ROUNDS", "3"))
# length, messages, block size, STmin in us, TX_DL
CASES = [(4095, 5, 0, 0, 8), (4095, 5, 8, 0, 8), (4095, 5, 32, 100, 8), (4095, 1, 8, 1000, 8), (4095, 5, 0, 0, 64),
         (4095, 5, 8, 0, 64), (4095, 2, 8, 1000, 64), (65536, 1, 32, 0, 8), (65536, 1, 8, 0, 64), (65536, 1, 32, 0, 64)]


def frames_behind_first(length, dl):
    header = 2 if length <= 4095 else 6
    return -(-(length - (dl - header)) // (dl - 1))


def least_seconds(length, block, gap_us, dl):
    """STmin between the consecutive frames of a block; none before the first of a block."""
    count = frames_behind_first(length, dl)
    blocks = 1 if block == 0 else -(-count // block)
    return (count - blocks) * gap_us / 1e6


def options(block, gap_us, dl):
    return ["--bs", str(block), "--stmin-us", str(gap_us), *([] if dl == 8 else ["--dl", str(dl)])]


def ours(port, case, more=()):
    """Seconds a message, None when it broke."""
    length, count, block, gap_us, dl = case
    receiver = subprocess.Popen([PEER, port, "7E8", "7E0", *options(block, gap_us, dl), *more, "receive", str(count)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        if "ready" not in receiver.stderr.readline():
            return None
        sender = subprocess.run([PEER, port, "7E0", "7E8", *options(block, gap_us, dl), *more, "time", str(length), str(count)],
                                capture_output=True, text=True, timeout=TIMEOUT)
        return float(sender.stdout) / count if sender.returncode == 0 else None
    except subprocess.TimeoutExpired:
        return None
    finally:
        receiver.kill()
        receiver.wait()
        receiver.stderr.close()


def theirs(case):
    import can
    import isotp
    length, count, block, gap_us, dl = case
    code = 0 if gap_us == 0 else 0xF0 + gap_us // 100 if gap_us < 1000 else gap_us // 1000
    settings = {"blocksize": block, "stmin": code, "can_fd": dl > 8, "tx_data_length": dl, "max_frame_size": 70000,
                "tx_padding": 0xCC, "rx_flowcontrol_timeout": 2000, "rx_consecutive_frame_timeout": 2000}
    buses = [can.Bus(interface="udp_multicast", channel=GROUP, hop_limit=0, fd=True) for _ in range(2)]
    ends = [isotp.CanStack(buses[0], address=isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E0, rxid=0x7E8), params=settings),
            isotp.CanStack(buses[1], address=isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E8, rxid=0x7E0), params=settings)]
    try:
        for end in ends:
            end.start()
        started = time.monotonic()
        for _ in range(count):
            ends[0].send(bytes(length))
            got = ends[1].recv(block=True, timeout=TIMEOUT if least_seconds(length, block, gap_us, dl) > 2 else 12)
            if got is None or len(got) != length:
                return None
        return (time.monotonic() - started) / count
    finally:
        for end in ends:
            end.stop()
        for bus in buses:
            bus.shutdown()


def rate(length, rounds):
    """The median of the rounds that arrived, and how many did not."""
    whole = [seconds for seconds in rounds if seconds is not None]
    lost = len(rounds) - len(whole)
    shown = "%.1f" % (length / statistics.median(whole) / 1000) if whole else ""
    return shown + (f"{' ' if whole else ''}{lost} lost" if lost else "")


def times(mine, their):
    """How many times faster, in the rounds in which both arrived."""
    ratios = sorted(b / a for a, b in zip(mine, their) if a is not None and b is not None)
    return "%.1f (%.1f-%.1f)" % (statistics.median(ratios), ratios[0], ratios[-1]) if ratios else "-"


def both(case, kernel):
    """One round: ours, then theirs."""
    return (ours("vcan0" if kernel else f"udp:{GROUP}", case), ours("vcan0", case, ["--kernel"]) if kernel else theirs(case))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="store_true", help="over vcan0 beside the kernel's ISO-TP")
    arguments = parser.parse_args()
    if not PEER.exists():
        print("skip isotp_bench: isotp_peer is not built")
        return 0
    logging.disable()  # python-can-isotp tells of lost transfers at length
    threading.excepthook = lambda args: None
    other = "kernel" if arguments.kernel else "python"
    print("# ISO-TP, kB/s: %8s %4s %9s %6s %14s %14s %18s %9s" % ("bytes", "BS", "STmin us", "TX_DL", "cantwin", other, "times",
                                                                  "least ms"))
    problems = []
    for case in CASES:
        length, _, block, gap_us, dl = case
        try:
            mine, their = zip(*(both(case, arguments.kernel) for _ in range(ROUNDS)))
        except ImportError as missing:
            print(f"skip isotp_bench: {missing}")
            return 0
        least = least_seconds(length, block, gap_us, dl)
        problems += [f"{case}: {seconds:.3f} s, STmin alone takes {least:.3f} s" for seconds in mine if seconds is not None and seconds < least]
        print("#               %8d %4d %9d %6d %14s %14s %18s %9.1f" % (length, block, gap_us, dl, rate(length, mine), rate(length, their),
                                                                      times(mine, their), 1000 * least), flush=True)
    print(f"not ok isotp_bench_st_min: {problems[0]}" if problems else "ok isotp_bench_st_min")
    return 1 if problems else 0


sys.exit(main())
