"""A simulated vehicle on served hubs for the interop scripts, and the lines they report with."""

import os
import pathlib
import select
import subprocess
import tempfile

ROOT = pathlib.Path(os.environ.get("CANTWIN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("CANTWIN_BIN", ROOT / "build/test/bin"))
VEHICLE = ROOT / "sim/vehicle"
GROUPS = {"can0": "239.74.163.2", "can1": "239.74.163.3"}
VIN = "WCTZZZ1ZZSA000001"
TIMEOUT = 20


class Report:
    """One line a case; exit status 1 when one failed."""

    def __init__(self):
        self.failed = False

    def check(self, name, problems=()):
        problems = [problems] if isinstance(problems, str) else list(problems)
        self.failed = self.failed or bool(problems)
        print(f"not ok {name}: {problems[0]} ({len(problems)} in all)" if problems else f"ok {name}", flush=True)

    def equal(self, name, got, expected):
        self.check(name, [] if got == expected else [f"{got!r} instead of {expected!r}"])


def wait_ready(process):
    line = b""
    while not line.rstrip().endswith(b"ready"):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([process.stderr], [], [], TIMEOUT)[0]:
                raise AssertionError(f"{process.args[0]} was not ready within {TIMEOUT} s")
            byte = os.read(process.stderr.fileno(), 1)
            if not byte:
                raise AssertionError(f"{process.args[0]} ended before it was ready")
            line += byte


class Vehicle:
    """Hubs can0 and can1 (bridged to GROUPS when asked for) and cantwin-sim on them, in a folder of its own."""

    def __init__(self, udp=False, sim=()):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.log = self.path / "drive.log"
        self.processes = []
        for bus, group in GROUPS.items():
            self.start([BIN / "cantwin", "bus", "serve", f"{bus}.sock", *(["--udp", group] if udp else [])])
        self.options = sim
        self.sim = self.start_sim()

    def start_sim(self):
        return self.start([BIN / "cantwin-sim", "--config", VEHICLE / "sim.yaml", "--record", self.log, *self.options])

    def restart_sim(self):
        self.sim.terminate()
        self.sim.wait(TIMEOUT)
        self.sim = self.start_sim()

    def start(self, command):
        process = subprocess.Popen(command, cwd=self.path, stderr=subprocess.PIPE)
        self.processes.append(process)
        wait_ready(process)
        return process

    def cantwin(self, *arguments):
        subprocess.run([BIN / "cantwin", *arguments], cwd=self.path, check=True, timeout=TIMEOUT)

    def stop_sim(self):
        """Ends the simulator; its exit status, its last words and the recording."""
        self.sim.terminate()
        words = self.sim.stderr.read().decode()
        return self.sim.wait(TIMEOUT), words, self.log.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                process.wait(TIMEOUT)
            process.stderr.close()
        self.folder.cleanup()


def frames(text):
    """(stamp in us, bus, id, data, is fd, 'T', 'R' or None) of every line of a candump log."""
    for line in text.splitlines():
        stamp, bus, body, direction = (*line.split(), None)[:4]
        ident, _, data = body.partition("#")
        fd = data.startswith("#")
        seconds, _, fraction = stamp[1:-1].partition(".")
        yield (int(seconds) * 1000000 + int(fraction), bus, int(ident, 16), bytes.fromhex(data[2:] if fd else data), fd,
               direction)
