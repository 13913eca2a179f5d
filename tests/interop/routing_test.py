#!/usr/bin/env python3
"""Routing between two hub buses through a real gateway, with python-can on both sides (the hubs' UDP bridges).

Every frame of a seeded, random stream on one bus is held against a reading of the tables written here; rewritten frames
are decoded by cantools and their counter and checksum checked by the package autosar-e2e. Then reload, rates, what
`cantwin gateway rules` says, and that a signal range of the policy holds.
"""
import json
import os
import pathlib
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

try:
    import can
    import cantools
    from e2e import p01
except ImportError as error:
    print(f"skip routing: {error}")
    sys.exit(0)

from sim_rig import BIN, TIMEOUT, Report, wait_ready

SEED = int(os.environ.get("CANTWIN_SEED", random.randrange(1 << 32)))
GROUPS = {"a": "239.74.163.2", "b": "239.74.163.3"}
DBC = """BU_: X
BO_ 291 SPEED: 8 X
 SG_ CRC : 0|8@1+ (1,0) [0|255] "" X
 SG_ COUNT : 8|4@1+ (1,0) [0|14] "" X
 SG_ KMH : 16|16@1+ (0.01,0) [0|0] "km/h" X
 SG_ GEAR : 32|8@1- (1,0) [0|0] "" X
BO_ 292 LAMPS: 2 X
 SG_ LEVEL : 0|8@1+ (0.5,0) [0|0] "%" X
"""
PROTECTION = "rules:\n  - { message: SPEED, scheme: e2e-p01 }\n"
CONFIG = """vehicle_id: TEST
state_dir: state
status_socket: status.sock
policy: policy.yaml
routes: routes.yaml
buses:
  - { name: a, port: "unix:a.sock", dbc: [car.dbc], protection: protection.yaml, fd: true, transmit: true }
  - { name: b, port: "unix:b.sock", dbc: [car.dbc], protection: protection.yaml, fd: false, transmit: true }
"""
# 0x200..0x20F and, of 29 bits, all with a low byte of 0x11 go from a to b; 0x300 both ways; the policy knows less.
ROUTES = """routes:
  - { from: a, to: b, id: 0x200, mask: 0x7F0, rate: 1000000 }
  - { from: a, to: b, id: 0x11, mask: 0xFF, extended: true, rate: 1000000 }
  - { from: a, to: b, id: 0x300, rate: 1000000, direction: both }
  - { name: speed, from: a, to: b, message: SPEED, rate: 1000000, signals: [{name: KMH, scale: 0.5, max: 100}] }
  - { from: a, to: b, message: LAMPS, rate: 1000000 }
  - { from: a, to: b, id: 0x400, rate: 5 }
"""
POLICY = """transmit: [a, b]
frames:
  - { bus: b, id: 0x200, mask: 0x7F8, length_min: 0, length_max: 8, rate: 1000000, origins: [route] }
  - { bus: b, id: 0x11, mask: 0xFF, extended: true, length_min: 0, length_max: 8, rate: 1000000, origins: [route] }
  - { bus: b, id: 0x300, length_min: 0, length_max: 8, rate: 1000000, origins: [route] }
  - { bus: a, id: 0x300, length_min: 0, length_max: 64, rate: 1000000, origins: [route] }
  - { bus: b, message: SPEED, rate: 1000000, origins: [route], signals: [{name: GEAR, min: -1, max: 6}] }
  - { bus: b, message: LAMPS, rate: 1000000, origins: [route], signals: [{name: LEVEL, max: 50}] }
  - { bus: b, id: 0x400, length: 1, rate: 1000000, origins: [route] }
"""
END = 0x300  # marks the end of a stream on its way through


class Rig:
    def __init__(self, folder):
        self.path, self.processes = pathlib.Path(folder), []
        for name, text in (("car.dbc", DBC), ("protection.yaml", PROTECTION), ("gateway.yaml", CONFIG),
                           ("routes.yaml", ROUTES), ("policy.yaml", POLICY)):
            (self.path / name).write_text(text, encoding="ascii")
        for bus, group in GROUPS.items():
            self.start("cantwin", "bus", "serve", f"{bus}.sock", "--udp", group)
        self.gateway = self.start("cantwin-gateway", "--config", "gateway.yaml", keep="gateway.err")
        self.bus = {name: can.Bus(interface="udp_multicast", channel=group, hop_limit=0, fd=True)
                    for name, group in GROUPS.items()}
        for bus in self.bus.values():  # else each hears the groups of the other (Linux, IP_MULTICAST_ALL)
            bus._multicast._socket.setsockopt(socket.IPPROTO_IP, 49, 0)
        self.wait("both buses are up", lambda: all(bus["up"] for bus in self.status()["buses"]))
        self.ends = 0

    def start(self, program, *arguments, keep=None):
        process = subprocess.Popen([BIN / program, *arguments], cwd=self.path, stderr=subprocess.PIPE)
        self.processes.append(process)
        wait_ready(process)
        if keep:  # what else it says must not fill the pipe
            subprocess.Popen(["cat"], stdin=process.stderr, stdout=open(self.path / keep, "wb"))
        return process

    def wait(self, what, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {TIMEOUT} s")
            time.sleep(0.01)

    def ask(self, *arguments):
        done = subprocess.run([BIN / "cantwin", *arguments, "--socket", "status.sock"], cwd=self.path, capture_output=True,
                              text=True, timeout=TIMEOUT, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def status(self):
        return self.ask("twin", "status")[0]

    def rules(self, kind):
        return [line for line in self.ask("gateway", "rules", "--json") if line["kind"] == kind]

    def pass_stream(self, frames, to="b"):
        """Sends frames on the other bus, then one marker; what came on `to` before the marker. The bridges may lose
        frames of a burst: they are sent in small ones, each ended by its marker."""
        sender = self.bus["b" if to == "a" else "a"]
        got = []
        while select.select([self.bus[to].fileno()], [], [], 0)[0]:  # its own frames of before fill its socket
            self.bus[to].recv(0)
        for start in range(0, len(frames), 20):
            for frame in frames[start:start + 20]:
                sender.send(frame)
            self.ends += 1
            marker = self.ends.to_bytes(4, "big") + b"mark"
            sender.send(can.Message(arbitration_id=END, data=marker, is_extended_id=False))
            deadline = time.monotonic() + TIMEOUT
            while True:
                message = self.bus[to].recv(0.5)
                if message is not None and message.arbitration_id == END and bytes(message.data) == marker:
                    break
                if message is not None:
                    got.append(message)
                if time.monotonic() > deadline:
                    raise AssertionError(f"the marker did not come through: {self.rules('route')}")
        return got

    def close(self):
        for bus in self.bus.values():
            bus.shutdown()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                process.wait(TIMEOUT)


def key(message):
    return (message.arbitration_id, message.is_extended_id, message.is_fd, bytes(message.data))


def plain_stream(random_numbers, count):
    frames = []
    for _ in range(count):
        extended, fd = random_numbers.random() < 0.3, random_numbers.random() < 0.2
        ident = random_numbers.choice([0x1FF, *range(0x200, 0x212), 0x7FF, 0x18DA0011, 0x11, 0x12, 0x1ABC1211])
        ident = ident if extended or ident <= 0x7FF else ident & 0x7FF
        data = random_numbers.randbytes(random_numbers.choice([0, 3, 8, 64]) if fd else random_numbers.randrange(9))
        frames.append(can.Message(arbitration_id=ident, is_extended_id=extended, is_fd=fd, data=data))
    return frames


def allowed(message):
    """Both tables as a person reads them: bus b is classic, and the policy has fewer ids than the routes."""
    if message.is_fd:
        return False
    return message.arbitration_id & 0xFF == 0x11 if message.is_extended_id else 0x200 <= message.arbitration_id <= 0x207


def streams(rig, report, random_numbers):
    frames = plain_stream(random_numbers, 400)
    wanted = [key(m) for m in frames if allowed(m)]
    got = [key(m) for m in rig.pass_stream(frames)]
    wrong = [pair for pair in zip(got, wanted) if pair[0] != pair[1]]
    report.check("random_stream_is_what_both_tables_allow",
                 [] if got == wanted and wanted else f"{len(got)} of {len(wanted)}, first {wrong[:1]}")
    back = [can.Message(arbitration_id=ident, is_extended_id=False, data=b"x") for ident in (0x200, 0x123, 0x124, 0x301)]
    report.equal("nothing_else_goes_back", [key(m) for m in rig.pass_stream(back, to="a")], [])


def speed_frame(database, counter, kmh, gear):
    data = bytearray(database.encode_message("SPEED", {"CRC": 0, "COUNT": 0, "KMH": kmh, "GEAR": gear}))
    data[1] = data[1] & 0xF0 | (counter - 1) % 15  # protect counts on
    p01.e2e_p01_protect(data, 291)
    return can.Message(arbitration_id=291, is_extended_id=False, data=data)


def rewriting(rig, report):
    database = cantools.database.load_string(DBC, "dbc")
    wanted = [(50, 25), (150, 75), (200, 100), (300, 100), (655.35, 100)]
    got = rig.pass_stream([speed_frame(database, 1 + i, kmh, 3) for i, (kmh, _) in enumerate(wanted)])
    values = [database.decode_message("SPEED", m.data) for m in got]
    report.equal("scaled_and_clamped", [v["KMH"] for v in values], [kmh for _, kmh in wanted])
    report.equal("other_signals_stay", [v["GEAR"] for v in values], [3] * len(wanted))
    report.equal("own_counter", [v["COUNT"] for v in values], list(range(len(wanted))))
    report.equal("checksums_are_right_for_autosar_e2e", [p01.e2e_p01_check(bytearray(m.data), 291) for m in got],
                 [True] * len(wanted))
    bad = speed_frame(database, 6, 50, 3)
    bad.data[2] ^= 1
    report.equal("bad_checksum_stays", [key(m) for m in rig.pass_stream([bad])], [])
    report.equal("signal_range_of_the_policy_holds",
                 [database.decode_message("SPEED", m.data)["GEAR"]
                  for m in rig.pass_stream([speed_frame(database, 6 + i, 10, gear) for i, gear in enumerate((6, 7, -1, -2))])],
                 [6, -1])
    lamps = [can.Message(arbitration_id=292, is_extended_id=False, data=bytes([raw, 0])) for raw in (0, 100, 101, 255)]
    report.equal("signal_range_without_rewriting", [m.data[0] for m in rig.pass_stream(lamps)], [0, 100])
    speed = next(rule for rule in rig.rules("route") if rule.get("name") == "speed")
    report.equal("counters_of_the_rule", (speed["forwarded"], speed["rewritten"] > 0, sorted(speed["refused"].values())),
                 (7, True, [1, 2]))


def counter_across_reload(rig, report):
    """The tables as they are, read again between two frames: receivers see the counter go on by one."""
    database = cantools.database.load_string(DBC, "dbc")
    before = rig.pass_stream([speed_frame(database, 10, 50, 3)])
    reloads = rig.status()["twin"]["reloads"]
    forwarded = [rule["forwarded"] for rule in rig.rules("route") if rule.get("name") == "speed"]
    rig.gateway.send_signal(signal.SIGHUP)
    rig.wait("the reload", lambda: rig.status()["twin"]["reloads"] > reloads)
    report.equal("reload_keeps_the_counts",
                 [rule["forwarded"] for rule in rig.rules("route") if rule.get("name") == "speed"], forwarded)
    after = rig.pass_stream([speed_frame(database, 11, 50, 3)])
    counters = [database.decode_message("SPEED", m.data)["COUNT"] for m in before + after]
    report.check("reload_goes_on_with_the_counter",
                 [] if len(counters) == 2 and counters[1] == (counters[0] + 1) % 15 else str(counters))


def rates_and_reload(rig, report):
    burst = [can.Message(arbitration_id=0x400, is_extended_id=False, data=bytes([i])) for i in range(20)]
    through = len(rig.pass_stream(burst))
    rule = next(rule for rule in rig.rules("route") if rule["id"] == "0x400")
    report.check("rate_lets_through_its_burst", [] if 5 <= through < 20 else f"{through} of 20 at 5/s")
    report.equal("rate_is_counted", (rule["forwarded"], sum(rule["refused"].values()), rule["last"]),
                 (through, 20 - through, "faster than the rule's rate"))
    (rig.path / "routes.yaml").write_text(ROUTES.replace("id: 0x400, rate: 5", "id: 0x500, rate: 100"), encoding="ascii")
    rig.gateway.send_signal(signal.SIGHUP)
    rig.wait("the new route", lambda: any(rule["id"] == "0x500" for rule in rig.rules("route")))
    report.equal("reload_takes_a_route_away", [key(m) for m in rig.pass_stream(burst)], [])
    before = rig.status()["twin"]["reloads"]
    (rig.path / "routes.yaml").write_text("routes:\n  - { from: a, to: nowhere, id: 1, rate: 1 }\n", encoding="ascii")
    rig.gateway.send_signal(signal.SIGHUP)
    rig.wait("the refusal", lambda: "'nowhere' is none of the gateway's buses" in (rig.path / "gateway.err").read_text())
    report.equal("broken_table_changes_nothing", (rig.status()["twin"]["reloads"], len(rig.rules("route"))), (before, 7))


def shown(rig, report):
    bus = {line["bus"]: line for line in rig.rules("bus")}
    report.check("unknown_ids_were_counted", [] if bus["a"]["anomalies"]["unknown-id"] > 0 else str(bus["a"]))
    report.equal("transmit_state", [(b["transmit"], b["policy_transmit"]) for b in bus.values()], [(True, True)] * 2)
    rig.bus["a"].send(can.Message(arbitration_id=0x6FF, is_extended_id=False, data=b"?"))
    unknown = ("twin", "get", "--json", "bus.a.UnknownIds")
    rig.wait("the count in the twin", lambda: (rig.ask(*unknown)[0]["value"] or 0) > bus["a"]["anomalies"]["unknown-id"])
    report.check("unknown_ids_reach_the_twin")
    (rig.path / "routes.yaml").write_text(ROUTES, encoding="ascii")
    done = subprocess.run([BIN / "cantwin", "gateway", "rules", "--config", "gateway.yaml"], cwd=rig.path,
                          capture_output=True, text=True, timeout=TIMEOUT, check=False)
    report.check("rules_of_a_configuration", [] if done.returncode == 0 and
                 "route 5 speed: a -> b 0x123 SPEED, 1e+06/s  KMH scale 0.5 offset 0 max 100" in done.stdout else
                 f"{done.returncode}: {done.stdout} {done.stderr}")
    (rig.path / "routes.yaml").write_text(ROUTES.replace("to: b, id: 0x200", "to: a, id: 0x200"), encoding="ascii")
    done = subprocess.run([BIN / "cantwin", "gateway", "rules", "--config", "gateway.yaml"], cwd=rig.path,
                          capture_output=True, text=True, timeout=TIMEOUT, check=False)
    report.equal("wrong_table_is_named", (done.returncode, done.stderr.strip()),
                 (2, "routes.yaml:2:5: error: route 1: 'from' and 'to' are the same bus: its frames would go round for ever"))


def usage(rig, report):
    for name, arguments, status in (("no_command", [], 2), ("unknown_command", ["rulez"], 2),
                                    ("unknown_option", ["rules", "--all"], 2),
                                    ("no_gateway", ["rules", "--socket", "nowhere.sock"], 3),
                                    ("no_configuration", ["rules", "--config", "nowhere.yaml"], 3), ("help", ["--help"], 0)):
        done = subprocess.run([BIN / "cantwin", "gateway", *arguments], cwd=rig.path, capture_output=True, timeout=TIMEOUT,
                              check=False)
        told = done.stdout if status == 0 else done.stderr
        report.check(f"usage_{name}", [] if done.returncode == status and told else f"{done.returncode}: {told!r}")


def main():
    report = Report()
    print(f"# CANTWIN_SEED={SEED}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(folder)
        try:
            streams(rig, report, random.Random(SEED))
            rewriting(rig, report)
            counter_across_reload(rig, report)
            rates_and_reload(rig, report)
            shown(rig, report)
            usage(rig, report)
        finally:
            rig.close()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
