#!/usr/bin/env python3
"""Frames between us, can-utils and python-can on one vcan: everybody sees the same, classic and FD mixed.

What is expected is what can-utils' candump logged of the same bus, or what its cansend was given. Runs in a kernel with
CAN where vcan0 is up (tests/run.sh).
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, wait_for  # noqa: E402

CANTWIN = os.path.join(stack.BIN, "cantwin")
BUS = "vcan0"
FRAMES = ["123#1122334455667788", "7FF#", "18DA10F1#021003", "00000001#AA", "123#R", "321##1112233445566778899AABBCC",
          "1ABCDEF0##0" + "5A" * 64, "001#00", "123##0"]


def receivers(protocol):
    """How many sockets listen on the bus: what is sent from now on reaches the ones that were started."""
    with open("/proc/net/can/rcvlist_all", encoding="ascii") as table:
        return sum(1 for line in table if line.split()[:1] == [BUS] and protocol in line)


class Listener:
    """A program that prints frames of the bus, started and listening."""

    def __init__(self, *argv):
        before = receivers("raw")
        self.out = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(argv, stdout=self.out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        wait_for(f"{argv[0]} listening", lambda: receivers("raw") > before or self.process.poll() is not None)

    def frames(self):
        """The bodies it printed, when it has ended by itself."""
        if self.process.wait(60) != 0:
            raise Failure(self.process.stderr.read())
        self.out.seek(0)
        return [line.split()[2] for line in self.out if line.startswith("(")]


def candump(count):
    return Listener("candump", "-L", "-n", str(count), BUS)


def dump(count):
    return Listener(CANTWIN, "bus", "dump", BUS, "--count", str(count))


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")


def normal(body):
    """A frame's text without what the writer was free in: case, the length behind a remote frame's R, and in the flags
    of an FD frame the bit that says that it is one (kernels from 6.0 on set it)."""
    body = re.sub(r"R.*$", "R", body.upper())
    return re.sub(r"##([0-9A-F])", lambda match: f"##{int(match[1], 16) & 3}", body)


def same(got, wanted):
    got, wanted = [normal(body) for body in got], [normal(body) for body in wanted]
    if got != wanted:
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
        raise Failure(f"{len(got)} and {len(wanted)} frames; the first that differs is number {at}: {got[at:at + 1]} {wanted[at:at + 1]}")


def cansend_to_us():
    ours = dump(len(FRAMES))
    for frame in FRAMES:
        run("cansend", BUS, frame)
    same(ours.frames(), FRAMES)


def we_send_to_candump():
    theirs = candump(len(FRAMES))
    run(CANTWIN, "bus", "send", BUS, *FRAMES)
    same(theirs.frames(), FRAMES)


def cangen_mixed_as_candump_saw_it():
    count = 500
    theirs, ours = candump(count), dump(count)
    run("cangen", BUS, "-g", "1", "-m", "-n", str(count))  # classic, FD, remote, both id lengths
    seen = theirs.frames()
    same(ours.frames(), seen)
    kinds = {("##" in body, "#R" in body, len(body.split("#")[0]) == 8) for body in seen}
    if len(kinds) < 4:
        raise Failure(f"cangen sent too few kinds of frames: {kinds}")


def canplayer_log_as_written():
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
        for i, frame in enumerate(FRAMES):
            log.write(f"({1000 + i / 1000:.6f}) {BUS} {frame}\n")
        log.flush()
        ours = dump(len(FRAMES))
        run("canplayer", "-I", log.name)
    same(ours.frames(), FRAMES)


def our_replay_as_candump_saw_it():
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
        for i, frame in enumerate(FRAMES * 20):
            log.write(f"({1000 + i / 1000:.6f}) {BUS} {frame}\n")
        log.flush()
        theirs = candump(len(FRAMES) * 20)
        run(CANTWIN, "replay", log.name, BUS, "--fast")
    same(theirs.frames(), FRAMES * 20)


def python_can_both_ways():
    import can
    with can.Bus(interface="socketcan", channel=BUS, fd=True) as bus:
        ours = dump(2)
        bus.send(can.Message(arbitration_id=0x18DA10F1, data=b"\x02\x10\x03"))
        bus.send(can.Message(arbitration_id=0x55, is_extended_id=False, is_fd=True, bitrate_switch=True, data=bytes(range(16))))
        same(ours.frames(), ["18DA10F1#021003", "055##1" + bytes(range(16)).hex()])
        run(CANTWIN, "bus", "send", BUS, "123#AABB", "321##1" + "11" * 12)
        for identity, data, fd in ((0x123, b"\xaa\xbb", False), (0x321, b"\x11" * 12, True)):
            message = bus.recv(30)
            if message is None or (message.arbitration_id, bytes(message.data), message.is_fd) != (identity, data, fd):
                raise Failure(f"python-can got {message}")


def cansniffer_shows_our_frames():
    sniffer = Listener("script", "-qec", f"cansniffer {BUS} -t 0 -l 1", "/dev/null")
    try:
        for i in range(20):
            run(CANTWIN, "bus", "send", BUS, f"5A{i % 2}#{i:02X}")

        def shown():
            text = os.pread(sniffer.out.fileno(), 1 << 20, 0).decode(errors="replace")
            return "5A0" in text and "5A1" in text
        wait_for("both ids on cansniffer's screen", shown)
    finally:
        sniffer.process.kill()
        sniffer.process.wait()


CASES = [cansend_to_us, we_send_to_candump, cangen_mixed_as_candump_saw_it, canplayer_log_as_written,
         our_replay_as_candump_saw_it, python_can_both_ways, cansniffer_shows_our_frames]
if __name__ == "__main__":
    stack.finish([stack.case(function.__name__, function) for function in CASES])
