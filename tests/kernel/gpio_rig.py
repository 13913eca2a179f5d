"""A gateway on a simulated GPIO chip (gpio-sim): lines are pulled and read through the kernel's sysfs, the gateway is asked
by `cantwin twin get`. Needs a kernel with gpio-sim, and root."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, Process, wait_for  # noqa: E402

# A gateway with the other version of libgpiod, when one is given.
PROGRAMS = {"cantwin-gateway": os.environ["CANTWIN_GATEWAY"]} if "CANTWIN_GATEWAY" in os.environ else {}
LINES = {"KL15": 0, "WAKE": 1, "STB": 2, "LED": 3, "WDI": 4}
DBC = """VERSION ""
BU_: ECU
BO_ 291 Engine: 8 ECU
 SG_ Count : 0|32@1+ (1,0) [0|0] "" ECU
"""
CONFIG = """vehicle_id: {vehicle}
buses:
  - {{ name: can0, {bus}, dbc: [engine.dbc] }}
collection: collection.yaml
state_dir: state
status_socket: gateway.sock
vehicle_state: {{ ignition: gateway.Power.Ignition }}
gpio:
  chip: {chip}
  ignition: {{ line: KL15 }}
  wake: {{ line: 1, active_low: true }}
  transceiver: {{ line: STB, active_low: {low} }}
  led: {{ line: LED }}
  watchdog: {{ line: 4 }}
  debounce_ms: 50
  quiet_ms: 1000
  watchdog_ms: 20
"""
COLLECTION = 'signals:\n  - { match: "*", interval_ms: 0, on_change: true, purpose: test }\n'


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


class Chip:
    """A chip of gpio-sim; lines are pulled from outside as a vehicle would, and read as a transceiver would."""
    count = 0

    def __init__(self):
        Chip.count += 1
        self.folder = f"/sys/kernel/config/gpio-sim/cantwin{Chip.count}"
        bank = os.path.join(self.folder, "bank0")
        os.makedirs(bank)
        write(os.path.join(bank, "num_lines"), "8")
        for name, line in LINES.items():
            os.mkdir(os.path.join(bank, f"line{line}"))
            write(os.path.join(bank, f"line{line}/name"), name)
        write(os.path.join(self.folder, "live"), "1")
        self.name = read(os.path.join(bank, "chip_name"))
        self.sysfs = f"/sys/devices/platform/{read(os.path.join(self.folder, 'dev_name'))}/{self.name}"

    def pull(self, name, level):
        write(f"{self.sysfs}/sim_gpio{LINES[name]}/pull", "pull-up" if level else "pull-down")

    def value(self, name):
        return int(read(f"{self.sysfs}/sim_gpio{LINES[name]}/value"))

    def close(self):
        write(os.path.join(self.folder, "live"), "0")
        for folder in glob.glob(os.path.join(self.folder, "bank0/line*")):
            os.rmdir(folder)
        os.rmdir(os.path.join(self.folder, "bank0"))
        os.rmdir(self.folder)


class Gateway:
    """A gateway on a hub, or what `bus` says, in a folder of its own; `more` is appended to its configuration."""

    def __init__(self, low=False, bus='port: "unix:can0.sock"', more="", vehicle="gpio-test"):
        self.low = low
        self.bus = bus
        self.vehicle = vehicle
        self.more = more

    def __enter__(self):
        self.chip = Chip()
        self.folder = tempfile.mkdtemp(prefix="cantwin-", dir="/run")
        self.chip.pull("WAKE", 1)  # active low: at rest
        config = CONFIG.format(chip=self.chip.name, low="true" if self.low else "false", bus=self.bus, vehicle=self.vehicle) + self.more
        for name, text in (("engine.dbc", DBC), ("collection.yaml", COLLECTION), ("gateway.yaml", config)):
            write(os.path.join(self.folder, name), text)
        self.hub = self.run("hub", "cantwin", "bus", "serve", "can0.sock")
        wait_for("the hub", lambda: os.path.exists(os.path.join(self.folder, "can0.sock")))
        return self

    def write(self, name, text):
        write(os.path.join(self.folder, name), text)

    def run(self, name, program, *arguments):
        return Process(name, [PROGRAMS.get(program, os.path.join(stack.BIN, program)), *arguments], self.folder)

    def start(self, *more):
        self.process = self.run("gateway", "cantwin-gateway", "--config", "gateway.yaml", *more)
        self.process.wait_line("ready")
        return self

    def __exit__(self, kind, value, trace):
        if hasattr(self, "process"):
            self.process.kill()
        self.hub.kill()
        self.chip.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cantwin(self, *arguments):
        done = subprocess.run([os.path.join(stack.BIN, "cantwin"), *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise Failure(f"cantwin {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def power(self, signal_name):
        """The entry as `cantwin twin get` shows it: its text where it has one, else its number."""
        found = json.loads(self.cantwin("twin", "get", "--json", "--socket", "gateway.sock", f"gateway.Power.{signal_name}"))
        return found.get("text") or found.get("value")

    def wait_state(self, state):
        wait_for(f"state {state} (it is {self.power('State')})", lambda: self.power("State") == state)

    def frame(self):
        self.cantwin("bus", "send", "can0.sock", "123#0100000000000000")


class Disk:
    """A small file system, mounted where the gateway keeps its state; while it is frozen, nobody ends who writes to it."""

    def __init__(self, folder):
        image = os.path.join(folder, "disk")
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        self.path = os.path.join(folder, "state")
        os.mkdir(self.path)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, self.path], check=True)

    def freeze(self, frozen):
        subprocess.run(["fsfreeze", "--freeze" if frozen else "--unfreeze", self.path], check=True)

    def close(self):
        subprocess.run(["fsfreeze", "--unfreeze", self.path], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["umount", "--lazy", self.path], check=True)


def stands_still(gateway, name):
    """The line has one level while the gateway answers so often that it would have been kicked many times."""
    levels = set()
    for _ in range(30):
        gateway.power("State")
        levels.add(gateway.chip.value(name))
    return len(levels) == 1


def run_cases(cases):
    """(name, function, arguments) each; the command line may name some."""
    wanted = sys.argv[1:]
    if not os.path.isdir("/sys/kernel/config/gpio-sim"):
        for name, _, _ in cases:
            print(f"skip {name}: this kernel has no gpio-sim")
        sys.exit(0)
    stack.finish([stack.case(name, function, *arguments) for name, function, arguments in cases if not wanted or name in wanted])
