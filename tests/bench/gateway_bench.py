#!/usr/bin/env python3
"""A whole gateway under the load of a vehicle: 8 buses with 4,000 frames/s each over real hub sockets.

load      processor time of all the gateway's threads while the load runs (schedstat, start excluded), memory, frames lost
latency   from a frame's stamp in the hub to its values being readable in the twin
memory    calls to the allocator, thread by thread, while 32,000 frames/s come
start     from starting the program to the first frame in the twin, with a DBC file of 1 MB

Lines: `# ...` figures, `ok` / `not ok` for what can be judged on a loaded machine: frames lost, allocations, memory.
Times are printed only. The load is made by bus_load.c, the hubs are one `cantwin bus serve`.
"""
import argparse
import contextlib
import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import BIN, Failure, Process, ask_socket, wait_for  # noqa: E402

TESTS = os.environ.get("CANTWIN_TEST_BIN", os.path.join(stack.SOURCE, "build/test/tests"))
BUSES, IDS, PERIOD_US = 8, 100, 250
CONFIG = """vehicle_id: bench
buses:
{buses}
collection: collection.yaml
state_dir: state
status_socket: gateway.sock
log_level: warning
"""
COLLECTION = 'signals:\n  - { match: "*.Count*", interval_ms: 1000, on_change: false, purpose: bench }\n'


def dbc(messages, size=0):
    """Messages of 7 signals from id 0x100 on; more with 29-bit ids until the text has `size` bytes."""
    text, length = ['VERSION ""', "BU_: ECU"], 0
    for i in itertools.count():
        if i >= messages and length >= size:
            return "\n".join(text) + "\n"
        identity = 0x100 + i if i < messages else 0x80000000 + i
        text += [f"BO_ {identity} Message{i}: 8 ECU", ' SG_ Count : 0|16@1+ (1,0) [0|0] "" ECU']
        text += [f' SG_ Part{s} : {8 + 8 * s}|8@1+ (0.5,-10) [0|0] "km/h" ECU' for s in range(1, 7)]
        length += sum(map(len, text[-8:])) + 8


def cpu_ns(pid):
    """Of all threads, to the nanosecond."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def wakes(pid):
    """How often the bus thread went to sleep."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii") as file:
            text = file.read()
        if text.startswith("Name:\tbus\n"):
            return int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0])
    raise Failure("no bus thread")


def memory_kib(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(file.read().split(key + ":")[1].split()[0])


class Bench:
    """A folder with hubs and a gateway on all of them."""

    def __init__(self, text, buses=BUSES, env=None, wrap=()):
        self.env, self.wrap, self.buses = env or {}, list(wrap), buses
        self.files = {"bench.dbc": text, "collection.yaml": COLLECTION, "gateway.yaml": CONFIG.format(buses="\n".join(
            f"  - {{ name: can{i}, port: unix:can{i}.sock, dbc: [bench.dbc], fd: false, transmit: false }}" for i in range(buses)))}

    def __enter__(self):
        with contextlib.ExitStack() as exits:
            self.folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="cantwin-"))
            for name, text in self.files.items():
                with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            self.names = [f"can{i}.sock" for i in range(self.buses)]
            self.hub = Process("hub", [*self.wrap, os.path.join(BIN, "cantwin"), "bus", "serve", *self.names], self.folder)
            exits.callback(self.hub.kill)
            self.hub.wait_line("ready")
            self.exits = exits.pop_all()
        return self

    def start_gateway(self):
        self.gateway = Process("gateway", [*self.wrap, os.path.join(BIN, "cantwin-gateway"), "--config", "gateway.yaml"],
                               self.folder, self.env)
        self.exits.callback(self.gateway.kill)
        wait_for("the gateway on all buses", lambda: os.path.exists(os.path.join(self.folder, "gateway.sock")) and
                 all(bus["up"] for bus in self.status()["buses"]))
        self.pid = self.gateway.process.pid

    def __exit__(self, *_):
        self.exits.close()

    def load(self, seconds, mode, ids=IDS, period_us=PERIOD_US):
        return subprocess.Popen([*self.wrap, os.path.join(TESTS, "bus_load"), str(seconds), str(period_us), mode, str(ids), *self.names],
                                cwd=self.folder, stdout=subprocess.PIPE, text=True)

    def status(self):
        return ask_socket(os.path.join(self.folder, "gateway.sock"), {"get": "status"})

    def decoded(self):
        return sum(bus["decoded"] for bus in self.status()["buses"])


def load(seconds, mode, wrap=(), period_us=PERIOD_US):
    with Bench(dbc(IDS), wrap=wrap) as bench:
        bench.start_gateway()
        begun = bench.decoded()
        cpu, slept = cpu_ns(bench.pid), wakes(bench.pid)
        with bench.load(seconds, mode, period_us=period_us) as process:
            sent = json.load(process.stdout)
        frames = sum(sent["sent"])
        wait_for("all frames read", lambda: bench.decoded() >= begun + frames)
        cpu, slept = cpu_ns(bench.pid) - cpu, wakes(bench.pid) - slept
        status = bench.status()
        rss, most = memory_kib(bench.pid, "VmRSS"), memory_kib(bench.pid, "VmHWM")
    delay = status["delay_us"]
    lost = frames + begun - sum(bus["frames"] for bus in status["buses"]) + sum(bus["lost"] for bus in status["buses"])
    rate = frames / sent["seconds"]
    print(f"# load, {mode}: {frames} frames on {BUSES} buses at {rate:.0f} frames/s (late {sent['late']}): "
          f"{cpu / 1e7 / sent['seconds']:.1f} % of a core, {cpu / frames / 1e3:.2f} us a frame "
          f"({cpu / frames / 1e7 * BUSES * 1e6 / period_us:.1f} % at {BUSES} x {1000000 // period_us} frames/s), "
          f"{slept / frames:.3f} sleeps a frame, in the twin after {delay['p50']:.0f} us, p99 {delay['p99']:.0f} us, RSS {rss / 1024:.1f} MiB (at most {most / 1024:.1f}), {lost} lost")
    if lost != 0:
        raise Failure(f"{lost} frames lost")
    if rss > 16 * 1024:
        raise Failure(f"RSS {rss} KiB")


def counts(path):
    with open(path, "rb") as file:
        rows = [struct.unpack("<4Q", file.read(32)) for _ in range(64)]
    return {row[0]: row[1:] for row in rows if row[0] != 0}


def allocations(seconds):
    with tempfile.NamedTemporaryFile() as file:
        env = {"LD_PRELOAD": os.path.join(TESTS, "libmalloc_count.so"), "CANTWIN_MALLOC_COUNT": file.name}
        with Bench(dbc(IDS), env=env) as bench:
            bench.start_gateway()
            names = {int(tid): open(f"/proc/{bench.pid}/task/{tid}/comm", encoding="ascii").read().strip()
                     for tid in os.listdir(f"/proc/{bench.pid}/task")}
            with bench.load(seconds + 2, "spread") as process:
                wait_for("frames", lambda: bench.decoded() > 20000)
                # Nobody asks meanwhile: the status socket's answers are no frames.
                time.sleep(0.2)
                before = counts(file.name)
                time.sleep(seconds)
                after = counts(file.name)
                sent = json.load(process.stdout)
    frames = sum(sent["sent"]) * seconds / sent["seconds"]
    taken = {names.get(tid, "?"): after[tid][0] - before.get(tid, (0, 0, 0))[0] for tid in after}
    print(f"# allocations in about {frames:.0f} frames, by thread: " + ", ".join(f"{name} {count}" for name, count in taken.items()))
    if sum(row[0] for row in before.values()) < 100:
        raise Failure("the counter counts nothing")
    if taken.get("bus") != 0:
        raise Failure(f"the bus thread allocated {taken.get('bus')} times")


def start(times, wrap=()):
    """A gateway is started on a bus with a frame each millisecond, and asked for the oldest stamp in its twin: no message comes
    twice before that. Processor time beside it, for machines that have something else to do."""
    text = dbc(1500, 1_000_000)
    took, used = [], []
    with Bench(text, buses=1, wrap=wrap) as bench:
        with bench.load(60, "spread", ids=1500, period_us=1000) as process:
            for _ in range(times):
                begun = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
                bench.start_gateway()
                used.append(cpu_ns(bench.pid) / 1e6)
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                    client.connect(os.path.join(bench.folder, "gateway.sock"))
                    client.sendall(b'{"get":"twin","match":"can0.*.Count"}\n')
                    rows = list(itertools.takewhile(lambda row: "end" not in row, map(json.loads, client.makefile())))
                stamps = [row["t_ns"] for row in rows if row["age_ms"] is not None]
                if not stamps or min(stamps) < begun:
                    raise Failure(f"no frame, or one from before the start: {stamps[:3]}")
                took.append((min(stamps) - begun) / 1e6)
                bench.gateway.stop()
            process.kill()
    took.sort()
    used.sort()
    print(f"# start: {len(text) / 1e6:.2f} MB of DBC, first frame in the twin {took[0]:.0f} ms after the start at best, "
          f"{took[len(took) // 2]:.0f} ms in the middle of {times}; processor time until then {used[0]:.0f} ms at best")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", help="part of a case's name")
    parser.add_argument("--realtime", action="store_true", help="all processes under chrt -f, on a machine that does other things")
    arguments = parser.parse_args()
    wrap = ("chrt", "-f", "10") if arguments.realtime else ()
    cases = [("gateway_load_spread", load, arguments.seconds, "spread", wrap),
             ("gateway_load_together", load, arguments.seconds, "together", wrap),
             ("gateway_load_light", load, arguments.seconds, "spread", wrap, 8000),
             ("gateway_frames_allocate_nothing", allocations, arguments.seconds), ("gateway_start", start, 7, wrap)]
    stack.finish([stack.case(*case) for case in cases if arguments.only is None or arguments.only in case[0]])


if __name__ == "__main__":
    main()
