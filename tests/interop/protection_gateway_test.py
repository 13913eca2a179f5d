#!/usr/bin/env python3
"""Damaged, repeated and lost frames on a bus, and what the gateway's twin says of them: the last good value and its time
stay, the quality tells why, and only the message concerned is touched.

Three groups on one bus: a message by Toyota's sum (made here), one by AUTOSAR profile 1 (published frames: data id 0x123,
all data zero, counters 0 and 1) and one without a rule. Real programs: hub, gateway, `cantwin bus send`, `cantwin twin`.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from sim_rig import BIN, TIMEOUT, Report, wait_ready

DBC = """BU_: A
BO_ 291 BRAKE: 8 A
 SG_ PRESSURE : 7|16@0+ (0.5,0) [0|0] "kPa" A
 SG_ COUNTER : 32|4@1+ (1,0) [0|15] "" A
 SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] "" A
BO_ 512 STATE: 8 A
 SG_ CRC : 0|8@1+ (1,0) [0|0] "" A
 SG_ COUNT : 8|4@1+ (1,0) [0|0] "" A
BO_ 513 PLAIN: 1 A
 SG_ LEVEL : 0|8@1+ (1,0) [0|0] "" A
"""
RULES = """rules:
  - { message: BRAKE, scheme: toyota, max_delta: 3 }
  - { message: STATE, scheme: e2e-p01, data_id: 0x123 }
"""
CONFIG = """vehicle_id: TEST
state_dir: state
status_socket: status.sock
buses:
  - { name: can0, port: "unix:can0.sock", dbc: [car.dbc], protection: rules.yaml }
"""


def brake(pressure, counter, damage=0):
    body = pressure.to_bytes(2, "big") + bytes([0, 0, counter, 0, 0])
    return "123#" + (body + bytes([(8 + 0x01 + 0x23 + sum(body) ^ damage) & 0xFF])).hex()


class Bench:
    def __init__(self, folder):
        self.path, self.sent, self.processes = pathlib.Path(folder), 0, []
        for name, text in (("car.dbc", DBC), ("rules.yaml", RULES), ("gateway.yaml", CONFIG)):
            (self.path / name).write_text(text, encoding="ascii")
        self.start("cantwin", "bus", "serve", "can0.sock")
        self.start("cantwin-gateway", "--config", "gateway.yaml")
        deadline = time.monotonic() + TIMEOUT
        while not self.status()["buses"][0]["up"] and time.monotonic() < deadline:
            time.sleep(0.01)

    def start(self, program, *arguments):
        process = subprocess.Popen([BIN / program, *arguments], cwd=self.path, stderr=subprocess.PIPE)
        self.processes.append(process)
        wait_ready(process)

    def cantwin(self, *arguments):
        return subprocess.run([BIN / "cantwin", *arguments], cwd=self.path, check=True, timeout=TIMEOUT,
                              capture_output=True, text=True).stdout

    def status(self):
        return json.loads(self.cantwin("twin", "status", "--socket", "status.sock"))

    def after(self, *frames):
        """The twin once the gateway has read the frames: name -> (value, quality, time)."""
        self.cantwin("bus", "send", "can0.sock", *frames)
        self.sent += len(frames)
        deadline = time.monotonic() + TIMEOUT
        while self.status()["buses"][0]["frames"] < self.sent and time.monotonic() < deadline:
            time.sleep(0.01)
        rows = map(json.loads, self.cantwin("twin", "get", "--socket", "status.sock", "--json", "can0.*").splitlines())
        return {row["name"][5:]: (row["value"], row["quality"], row["t_ns"]) for row in rows}

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(TIMEOUT)
            process.stderr.close()


def run(bench, report):
    def shows(name, twin, value, quality, time_of=None):
        got = twin["BRAKE.PRESSURE"]
        report.equal(name, got[:2], (value, quality))
        if time_of is not None:
            report.equal(name + "_and_keeps_its_time", got[2], time_of["BRAKE.PRESSURE"][2])

    twin = bench.after(brake(90, 0, damage=1))
    shows("protection_gateway first_frame_damaged_leaves_it_unseen", twin, None, ["never-seen", "checksum"])
    good = bench.after(brake(100, 0))
    shows("protection_gateway good_frame_counts", good, 50, [])
    twin = bench.after(brake(200, 1, damage=0x10))
    shows("protection_gateway bad_checksum_keeps_the_last_good_value", twin, 50, ["checksum"], good)
    report.equal("protection_gateway bad_checksum_marks_every_signal_of_the_message",
                 {name: row[1] for name, row in twin.items() if row[1] == ["checksum"]},
                 {f"BRAKE.{name}": ["checksum"] for name in ("PRESSURE", "COUNTER", "CHECKSUM")})
    good = bench.after(brake(101, 1))
    shows("protection_gateway next_good_frame_heals", good, 50.5, [])
    twin = bench.after(brake(300, 1))
    shows("protection_gateway repeated_counter_keeps_the_last_good_value", twin, 50.5, ["counter"], good)
    twin = bench.after(brake(300, 1, damage=2))
    shows("protection_gateway faults_add_up_until_a_good_frame", twin, 50.5, ["checksum", "counter"], good)
    good = bench.after(brake(102, 4))
    shows("protection_gateway some_lost_within_max_delta_counts", good, 51, [])
    twin = bench.after(brake(301, 8))
    shows("protection_gateway too_many_lost_keeps_the_last_good_value", twin, 51, ["counter"], good)
    good = bench.after(brake(103, 9))
    shows("protection_gateway sequence_goes_on_behind_a_gap", good, 51.5, [])
    twin = bench.after("123#01F4")
    shows("protection_gateway short_frame_keeps_the_last_good_value", twin, 51.5, ["checksum"], good)
    twin = bench.after("200#cc00000000000000", "201#2A", brake(104, 10))
    shows("protection_gateway other_groups_do_not_matter", twin, 52, [])
    report.equal("protection_gateway published_profile_1_frame_counts", twin["STATE.CRC"][:2], (0xCC, []))
    twin = bench.after("200#9101000000000040")  # one bit of the published frame
    report.equal("protection_gateway flipped_bit_in_the_second_group", twin["STATE.CRC"][:2], (0xCC, ["checksum"]))
    shows("protection_gateway second_group_does_not_touch_the_first", twin, 52, [])
    report.equal("protection_gateway message_without_a_rule_stays_good", twin["PLAIN.LEVEL"][:2], (0x2A, []))
    twin = bench.after("200#9101000000000000")
    report.equal("protection_gateway second_group_heals", twin["STATE.CRC"][:2], (0x91, []))
    bus = bench.status()["buses"][0]
    report.equal("protection_gateway failures_are_counted",
                 (bus["checksum_failures"], bus["counter_failures"], bus["decoded"]), (5, 2, bench.sent - 7))


def main():
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        try:
            run(bench, report)
        finally:
            bench.stop()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
