#!/usr/bin/env python3
"""Every way between the gateway's power states, with real lines on a simulated GPIO chip (gpio-sim), seen from outside: what
the transceiver, the LED and the twin show, and what an ECU on vcan0 is asked. An update, ordered by a real backend, is finished
in after-run.

Runs in a kernel with gpio-sim and vcan0, as root.
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

from gpio_rig import Disk, Failure, Gateway, run_cases, stack, stands_still, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))
from fleet_rig import BIN, Backend  # noqa: E402

NEVER = "3600000"  # ms: longer than any test
ON_VCAN = "port: vcan0, transmit: true"
ENGINE = """ecus:
  - { name: engine, bus: can0, request_id: 0x7E0, response_id: 0x7E8 }
policy: policy.yaml
"""
POLICY = """transmit: [can0]
frames:
  - { bus: can0, id: 0x7E0, length: 8, rate: 1000, origins: [gateway] }
uds:
  - { ecu: engine, service: 0x22, rate: 1000, origins: [local] }
  - { ecu: engine, service: 0x2E, release: true, rate: 1000, origins: [backend] }
"""
ATTEMPTS = 5  # an ECU's first answer is due within 150 ms, and this machine may stand still for longer


class Ecu(threading.Thread):
    """An engine on vcan0 that says "response pending" every second until it is told to answer."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        self.socket.bind(("vcan0",))
        self.socket.settimeout(1)
        self.requests, self.pending, self.over = [], None, False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        self.over = True
        self.join()
        self.socket.close()

    def answer(self, *data):
        self.pending = None
        self.say(*data)

    def say(self, *data):
        self.socket.send(struct.pack("=IB3x8s", 0x7E8, 8, bytes([len(data), *data]).ljust(8, b"\xAA")))

    def run(self):
        while not self.over:
            try:
                ident, _, data = struct.unpack("=IB3x8s", self.socket.recv(16))
                if ident == 0x7E0 and 0 < data[0] < 8:
                    self.pending = data[1]
                    self.requests.append(data[1:1 + data[0]])
            except TimeoutError:
                pass
            if self.pending is not None:
                self.say(0x7F, self.pending, 0x78)


class Local:
    """A technician on the status socket."""

    def __init__(self, gateway):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(stack.DEADLINE_S)
        self.socket.connect(os.path.join(gateway.folder, "gateway.sock"))
        self.file = self.socket.makefile("rw", encoding="utf-8")

    def send(self, **request):
        self.file.write(json.dumps(request) + "\n")
        self.file.flush()

    def final(self):
        row = json.loads(self.file.readline())
        while not row.get("final", "error" in row):
            row = json.loads(self.file.readline())
        return row


def expect(gateway, state, stb, polling=None):
    """The state as the twin has it, and the lines that belong to it."""
    chip = gateway.chip
    gateway.wait_state(state)
    wait_for(f"transceiver {stb} in {state}", lambda: chip.value("STB") == stb)
    wait_for(f"the twin's transceiver {stb}", lambda: gateway.power("Transceiver") == stb)
    if polling is not None:
        wait_for(f"polling {polling} in {state}", lambda: gateway.power("Polling") == polling)
    if state == "run":
        wait_for("the LED steady", lambda: chip.value("LED") == 1 and stands_still(gateway, "LED"))
    elif state in ("wake", "after-run"):
        for level in (1, 0, 1):
            wait_for(f"the LED {level} in {state}", lambda v=level: chip.value("LED") == v)
    else:
        wait_for("the LED dark", lambda: chip.value("LED") == 0 and stands_still(gateway, "LED"))


def after_run_to_run():
    with Gateway() as gateway:
        gateway.chip.pull("KL15", 1)
        gateway.start("--gpio.quiet_ms", NEVER)
        expect(gateway, "run", 1, polling=1)
        gateway.chip.pull("KL15", 0)
        expect(gateway, "after-run", 1, polling=0)
        gateway.chip.pull("KL15", 1)
        gateway.process.wait_line("power: after-run -> run: ignition on")
        expect(gateway, "run", 1, polling=1)


def after_run_to_wake():
    with Gateway() as gateway:
        gateway.chip.pull("KL15", 1)
        gateway.chip.pull("WAKE", 0)
        gateway.start("--gpio.after_run_ms", "3000")
        expect(gateway, "run", 1)
        gateway.chip.pull("KL15", 0)
        gateway.process.wait_line("power: run -> after-run: ignition off")
        gateway.process.wait_line("power: after-run -> wake: others are awake")
        expect(gateway, "wake", 1, polling=0)
        gateway.chip.pull("WAKE", 1)
        expect(gateway, "sleep", 0, polling=0)


class Undelivered:
    """The configuration of a link to a backend that nobody can reach: what the gateway has for it stays undelivered."""

    def __enter__(self):
        self.backend = Backend()
        keys = self.backend.folder / "keys"
        return f"link: {{ endpoint: tcp://127.0.0.1:1, server_key: {keys}/fleet.curve.pub, key: {keys}/vehicle-toy.curve }}\n"

    def __exit__(self, kind, value, trace):
        self.backend.stop()


def wake_to_after_run():
    with Undelivered() as link, Gateway(more=link) as gateway:
        gateway.chip.pull("WAKE", 0)
        gateway.start("--gpio.after_run_ms", NEVER)
        expect(gateway, "wake", 1, polling=0)
        gateway.chip.pull("WAKE", 1)
        gateway.process.wait_line("power: wake -> after-run: the buses are silent, work is left")
        expect(gateway, "after-run", 1, polling=0)
        if gateway.power("WorkPending") != 1:
            raise Failure("after-run without work")


def after_run_to_sleep_with_work_held():
    with Undelivered() as link, Gateway(more=link) as gateway:
        gateway.start("--gpio.after_run_ms", "500")
        gateway.process.wait_line("power: wake -> after-run: the buses are silent, work is left")
        gateway.process.wait_line("power: after-run -> sleep: time is over, work is held")
        expect(gateway, "sleep", 0)
        if gateway.power("WorkPending") != 1:
            raise Failure("nothing is held")


def to_off(state, low):
    """The lines are driven by a gateway that still holds them, because the disk holds it: gpio-sim gives a released line back
    to its pull, which says `enabled` here."""
    with Gateway(low=low) as gateway:
        chip = gateway.chip
        disk = Disk(gateway.folder)
        enabled = 0 if low else 1
        awake = enabled if state != "sleep" else 1 - enabled
        try:
            chip.pull("KL15", 1 if state in ("run", "after-run") else 0)
            chip.pull("WAKE", 0 if state == "wake" else 1)
            gateway.start(*(("--gpio.quiet_ms", NEVER) if state != "sleep" else ()))
            if state == "after-run":
                gateway.wait_state("run")
                chip.pull("KL15", 0)
            gateway.wait_state(state)
            wait_for(f"the transceiver as it is in {state}", lambda: chip.value("STB") == awake)
            chip.pull("STB", enabled)
            disk.freeze(True)
            gateway.process.signal(signal.SIGTERM)
            gateway.process.wait_line(f"power: {state} -> off: stop")
            wait_for("the transceiver in standby", lambda: chip.value("STB") != enabled)
            wait_for("the LED off", lambda: chip.value("LED") == 0)
            wait_for("the watchdog's line off", lambda: chip.value("WDI") == 0)
            if any(chip.value(name) != level for name, level in (("STB", 1 - enabled), ("LED", 0), ("WDI", 0)) * 100):
                raise Failure("off, but a line changes")
            disk.freeze(False)
            gateway.process.stop()
            wait_for("the transceiver's line given back", lambda: chip.value("STB") == enabled)
        finally:
            disk.close()


def ask_while_it_lasts(gateway, ecu):
    """Asks, and ends the ignition while the ECU says "response pending"; the final answer."""
    local = Local(gateway)
    gateway.chip.pull("KL15", 1)
    expect(gateway, "run", 1, polling=1)
    heard = len(ecu.requests)
    local.send(uds="22F190", ecu="engine")
    wait_for("the ECU was asked", lambda: len(ecu.requests) > heard)
    gateway.chip.pull("KL15", 0)
    return local.final()


def polling_budget_ends():
    with Gateway(bus=ON_VCAN, more=ENGINE) as gateway, Ecu() as ecu:
        gateway.write("policy.yaml", POLICY)
        gateway.start("--gpio.quiet_ms", NEVER, "--gpio.polling_ms", "4000")
        for _ in range(ATTEMPTS):
            final = ask_while_it_lasts(gateway, ecu)
            if final["reason"] != "no-response":
                break
        if (final["state"], final["reason"]) != ("outcome-unknown", "policy-vehicle-state"):
            raise Failure(str(final))
        gateway.process.wait_line("polling budget over: 1 diagnostic requests ended")
        expect(gateway, "after-run", 1, polling=0)
        asked = len(ecu.requests)
        local = Local(gateway)
        local.send(uds="22F190", ecu="engine")
        late = local.final()
        if (late["state"], late["reason"]) != ("refused", "policy-vehicle-state") or len(ecu.requests) != asked:
            raise Failure(f"asked behind the budget: {late}, {ecu.requests}")


class Updates:
    """Writes of one data identifier, ordered at a real backend and signed by the release authority."""

    def __init__(self, backend):
        self.backend = backend
        self.path = "api/v1/vehicles/toy/"

    def prepare(self, value):
        """An order that waits for its release, and the release."""
        answer = self.backend.call("POST", self.path + "jobs", {"ecu": "engine", "job": "write-did", "identifier": 0x0160,
                                                               "data": f"{value:02X}", "release": "offline"})
        done = subprocess.run([BIN / "cantwin", "keys", "sign-command", "--key", "keys/release.ed25519.key", answer.json["payload"]],
                              cwd=self.backend.folder, capture_output=True, text=True, timeout=60, check=True)
        return answer.json["command_id"], json.loads(done.stdout)

    def release(self, prepared):
        command, signature = prepared
        status = self.backend.call("POST", f"{self.path}commands/{command}/release", signature).status
        if status != 202:
            raise Failure(f"release: {status}")

    def get(self, prepared):
        return self.backend.get(f"api/v1/commands/{prepared[0]}").json

    def final(self, prepared):
        return wait_for("the command's end", lambda: (lambda c: c if c["final"] else None)(self.get(prepared)))


def update_once(gateway, ecu, updates, value):
    """One update over the end of the ignition, another one beside it; both once they have ended."""
    gateway.chip.pull("KL15", 1)
    expect(gateway, "run", 1, polling=1)
    first, second = updates.prepare(value), updates.prepare(value + 1)
    heard = len(ecu.requests)
    updates.release(first)
    wait_for("the ECU is written to", lambda: len(ecu.requests) > heard)
    gateway.chip.pull("KL15", 0)
    wait_for("the end of the ignition", lambda: gateway.power("State") != "run")
    updates.release(second)
    held = updates.final(second)
    wait_for("the polling budget's end", lambda: gateway.power("Polling") == 0)
    waits = updates.get(first)["state"], gateway.power("State"), gateway.power("WorkPending"), gateway.chip.value("STB")
    ecu.answer(0x6E, 0x01, 0x60)
    return waits, updates.final(first), held, ecu.requests[heard:]


def an_update_is_finished_in_after_run_and_no_other_begins():
    backend = Backend().start()
    keys = backend.folder / "keys"
    more = ENGINE + f"""link: {{ endpoint: "tcp://127.0.0.1:{backend.link}", server_key: {keys}/fleet.curve.pub, key: {keys}/vehicle-toy.curve }}
trust:
  - {{ role: director, key: {keys}/director.ed25519.pub }}
  - {{ role: release, key: {keys}/release.ed25519.pub }}
"""
    try:
        with Gateway(bus=ON_VCAN, more=more, vehicle="toy") as gateway, Ecu() as ecu:
            gateway.write("policy.yaml", POLICY)
            gateway.start("--gpio.polling_ms", "1000")
            wait_for("the vehicle connected", lambda: any(v["connected"] for v in backend.get("api/v1/vehicles").json["vehicles"]))
            for value in range(0x20, 0x20 + ATTEMPTS):
                waits, done, held, written = update_once(gateway, ecu, Updates(backend), value)
                if done["reason"] != "no-response":
                    break
            if waits != ("running", "after-run", 1, 1) or done["state"] != "done":
                raise Failure(f"the update: {waits}, then {done['state']} {done['reason']}")
            if (held["state"], held["reason"]) != ("refused", "policy-vehicle-state"):
                raise Failure(f"another one: {held['state']} {held['reason']}")
            if written != [bytes([0x2E, 0x01, 0x60, value])]:
                raise Failure(f"written: {written}")
            if any("polling budget over" in line for line in gateway.process.lines):
                raise Failure("the update was ended")
            expect(gateway, "sleep", 0)
    finally:
        backend.stop()


CASES = [("after_run_to_run", after_run_to_run, ()),
         ("after_run_to_wake", after_run_to_wake, ()),
         ("wake_to_after_run", wake_to_after_run, ()),
         ("after_run_to_sleep_with_work_held", after_run_to_sleep_with_work_held, ()),
         ("run_to_off_active_high", to_off, ("run", False)),
         ("run_to_off_active_low", to_off, ("run", True)),
         ("wake_to_off", to_off, ("wake", False)),
         ("after_run_to_off", to_off, ("after-run", False)),
         ("sleep_to_off", to_off, ("sleep", False)),
         ("polling_budget_ends", polling_budget_ends, ()),
         ("an_update_is_finished_in_after_run_and_no_other_begins", an_update_is_finished_in_after_run_and_no_other_begins, ())]
if __name__ == "__main__":
    run_cases(CASES)
