#!/usr/bin/env python3
"""The gateway's power state on a simulated GPIO chip (gpio-sim): lines pulled and read through the kernel's sysfs.

The bus is a hub, so that nothing of the machine's own CAN speaks. The gateway is asked by `cantwin twin get`. Runs in a
kernel with gpio-sim, as root.
"""
import glob
import json
import os
import shutil
import signal
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
CONFIG = """vehicle_id: gpio-test
buses:
  - {{ name: can0, port: "unix:can0.sock", dbc: [engine.dbc] }}
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
    def __init__(self, low=False, **more):
        self.low = low
        self.more = more

    def __enter__(self):
        self.chip = Chip()
        self.folder = tempfile.mkdtemp(prefix="cantwin-", dir="/run")
        self.chip.pull("WAKE", 1)  # active low: at rest
        config = CONFIG.format(chip=self.chip.name, low="true" if self.low else "false")
        for name, text in (("engine.dbc", DBC), ("collection.yaml", COLLECTION), ("gateway.yaml", config)):
            write(os.path.join(self.folder, name), text)
        self.hub = self.run("hub", "cantwin", "bus", "serve", "can0.sock")
        wait_for("the hub", lambda: os.path.exists(os.path.join(self.folder, "can0.sock")))
        return self

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


def ignition_leads_through_all_states():
    with Gateway() as gateway:
        chip = gateway.chip
        gateway.start()
        gateway.wait_state("sleep")  # nobody is awake
        if (chip.value("STB"), chip.value("LED"), gateway.power("Polling")) != (0, 0, 0):
            raise Failure("asleep, but not silent")
        chip.pull("KL15", 1)
        gateway.wait_state("run")
        wait_for("the transceiver enabled", lambda: chip.value("STB") == 1)
        wait_for("the LED on", lambda: chip.value("LED") == 1)
        if (gateway.power("Ignition"), gateway.power("Polling"), gateway.power("Transceiver")) != (1, 1, 1):
            raise Failure("running, but the twin says otherwise")
        chip.pull("KL15", 0)
        gateway.process.wait_line("power: run -> after-run: ignition off")
        gateway.wait_state("sleep")
        wait_for("the transceiver in standby", lambda: chip.value("STB") == 0)
        said = [line.split("power: ")[1] for line in gateway.process.lines if "power: " in line]
        states = [line.split(": ")[0] for line in said]
        wanted = ["off -> wake", "wake -> sleep", "sleep -> run", "run -> after-run", "after-run -> sleep"]
        if states != wanted or gateway.power("Transitions") != len(wanted):
            raise Failure(str(said))


def wake_line_and_bus_wake_without_polling():
    with Gateway() as gateway:
        chip = gateway.chip
        gateway.start()
        gateway.wait_state("sleep")
        chip.pull("WAKE", 0)
        gateway.process.wait_line("power: sleep -> wake: wake line")
        wait_for("the transceiver enabled", lambda: chip.value("STB") == 1)
        if (gateway.power("WakeLine"), gateway.power("Polling"), gateway.power("Ignition")) != (1, 0, 0):
            raise Failure("awake, but the twin says otherwise")
        chip.pull("WAKE", 1)
        gateway.wait_state("sleep")
        gateway.frame()
        gateway.process.wait_line("power: sleep -> wake: a bus is active")
        gateway.wait_state("sleep")


def led_blinks_and_watchdog_is_kicked():
    with Gateway() as gateway:
        chip = gateway.chip
        chip.pull("WAKE", 0)
        gateway.start()
        for name in ("LED", "WDI"):
            for level in (1, 0, 1, 0):
                wait_for(f"{name} {level}", lambda n=name, v=level: chip.value(n) == v)
        # A gateway that stands still kicks nothing.
        gateway.process.signal(signal.SIGSTOP)
        stat = f"/proc/{gateway.process.process.pid}/stat"
        wait_for("the gateway stands still", lambda: read(stat).rsplit(")", 1)[1].split()[0] == "T")
        level = chip.value("WDI")
        changes = sum(chip.value("WDI") != level for _ in range(300))
        gateway.process.signal(signal.SIGCONT)
        if changes != 0:
            raise Failure(f"kicked {changes} times by nobody")
        for level in (1, 0):
            wait_for(f"WDI {level} after it went on", lambda v=level: chip.value("WDI") == v)


def a_storm_of_edges_is_no_ignition():
    with Gateway() as gateway:
        gateway.start("--gpio.debounce_ms", "500")  # longer than this machine may stand still
        gateway.wait_state("sleep")
        for i in range(2000):
            gateway.chip.pull("KL15", i % 2)
        gateway.chip.pull("KL15", 0)
        if gateway.power("State") != "sleep" or gateway.power("Transitions") != 2:
            raise Failure(f"{gateway.power('State')} after {gateway.power('Transitions')} transitions")
        gateway.chip.pull("KL15", 1)
        gateway.wait_state("run")


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


def a_thread_that_hangs_stops_the_watchdogs_line():
    with Gateway() as gateway:
        disk = Disk(gateway.folder)
        try:
            gateway.chip.pull("KL15", 1)
            gateway.start("--gpio.stuck_ms", "1000")
            gateway.wait_state("run")
            for level in (1, 0):
                wait_for(f"WDI {level}", lambda v=level: gateway.chip.value("WDI") == v)
            # The storage thread waits for a disk that never answers; the bus thread, whose line it is, goes on.
            disk.freeze(True)
            gateway.frame()
            gateway.process.wait_line("the thread storage does not come back: the watchdog's line is not served")
            wait_for("the watchdog's line standing still", lambda: stands_still(gateway, "WDI"))
            disk.freeze(False)
            for level in (1, 0):
                wait_for(f"WDI {level} after it came back", lambda v=level: gateway.chip.value("WDI") == v)
        finally:
            disk.close()


def stopping_leaves_the_transceiver_in_standby(low):
    with Gateway(low=low) as gateway:
        chip = gateway.chip
        disk = Disk(gateway.folder)
        try:
            enabled = 0 if low else 1
            chip.pull("KL15", 1)
            gateway.start()
            gateway.wait_state("run")
            wait_for("the transceiver enabled", lambda: chip.value("STB") == enabled)
            # gpio-sim gives a released line back to its pull; this one says `enabled`, so standby is what is driven, by a
            # gateway that still holds the line because the disk holds it.
            chip.pull("STB", enabled)
            disk.freeze(True)
            gateway.process.signal(signal.SIGTERM)
            gateway.process.wait_line("power: run -> off: stop")
            wait_for("the transceiver in standby", lambda: chip.value("STB") != enabled)
            wait_for("the LED off", lambda: chip.value("LED") == 0)
            disk.freeze(False)
            gateway.process.stop()
        finally:
            disk.close()


def a_reload_keeps_the_state_and_refuses_other_lines():
    with Gateway() as gateway:
        gateway.chip.pull("KL15", 1)
        gateway.start()
        gateway.wait_state("run")
        gateway.process.signal(signal.SIGHUP)
        gateway.process.wait_line("configuration reloaded")
        gateway.wait_state("run")
        path = os.path.join(gateway.folder, "gateway.yaml")
        write(path, read(path).replace("debounce_ms: 50", "debounce_ms: 60"))
        gateway.process.signal(signal.SIGHUP)
        gateway.process.wait_line("`gpio` can only be changed by a restart")
        gateway.chip.pull("KL15", 0)
        gateway.process.wait_line("power: run -> after-run")


def what_is_not_there_is_told():
    rows = [(["--gpio.chip", "gpiochip77"], "line 'KL15' of /dev/gpiochip77: not found"),
            (["--gpio.ignition.line", "KL99"], "gpio.ignition: error: line 'KL99' of"),
            (["--gpio.led.line", "8"], "gpio.led: error: line '8' of"),
            (["--gpio.led.line", "STB"], "in use by somebody else")]
    with Gateway() as gateway:
        for options, text in rows:
            process = gateway.run("gateway", "cantwin-gateway", "--config", "gateway.yaml", *options)
            status = process.wait_killed()
            if status != 3 or not any(text in line for line in process.lines):
                raise Failure(f"{options}: exit {status}: {process.lines}")


CASES = [("ignition_leads_through_all_states", ignition_leads_through_all_states, ()),
         ("wake_line_and_bus_wake_without_polling", wake_line_and_bus_wake_without_polling, ()),
         ("led_blinks_and_watchdog_is_kicked", led_blinks_and_watchdog_is_kicked, ()),
         ("a_storm_of_edges_is_no_ignition", a_storm_of_edges_is_no_ignition, ()),
         ("a_thread_that_hangs_stops_the_watchdogs_line", a_thread_that_hangs_stops_the_watchdogs_line, ()),
         ("stopping_leaves_an_active_high_transceiver_in_standby", stopping_leaves_the_transceiver_in_standby, (False,)),
         ("stopping_leaves_an_active_low_transceiver_in_standby", stopping_leaves_the_transceiver_in_standby, (True,)),
         ("a_reload_keeps_the_state_and_refuses_other_lines", a_reload_keeps_the_state_and_refuses_other_lines, ()),
         ("what_is_not_there_is_told", what_is_not_there_is_told, ())]
if __name__ == "__main__":
    wanted = sys.argv[1:]
    if not os.path.isdir("/sys/kernel/config/gpio-sim"):
        for name, _, _ in CASES:
            print(f"skip {name}: this kernel has no gpio-sim")
        sys.exit(0)
    stack.finish([stack.case(name, function, *arguments) for name, function, arguments in CASES
                  if not wanted or name in wanted])
