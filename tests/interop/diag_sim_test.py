#!/usr/bin/env python3
"""`cantwin diag` and the demo vehicle's descriptions against its simulated ECUs: what a workshop does, end to end."""

import json
import os
import random
import signal
import subprocess
import sys

from sim_rig import BIN, VEHICLE, VIN, Report, Vehicle

report = Report()
KEY = """#!/bin/sh
# key = rotate left by 1 of (seed XOR 63616E74), plus 7477696E
mixed=$(( 0x$2 ^ 0x63616E74 ))
printf '%08X\\n' $(( ((mixed << 1 | mixed >> 31) + 0x7477696E) & 0xFFFFFFFF ))
"""


class Workshop:
    def __init__(self, vehicle):
        self.path = vehicle.path
        self.key = self.path / "key.sh"
        self.key.write_text(KEY)
        self.key.chmod(0o755)

    def run(self, *arguments, code=0):
        environment = {**os.environ, "CANTWIN_ECUS": str(VEHICLE / "ecus")}
        done = subprocess.run([BIN / "cantwin", "diag", *arguments], cwd=self.path, env=environment, capture_output=True,
                              text=True, timeout=60)
        if done.returncode != code:
            raise AssertionError(f"{arguments}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stderr

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))


def differs(got, expected):
    return [] if got == expected else [f"{got!r} instead of {expected!r}"]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def scan(shop):
    return differs({ecu["tx"]: ecu["vin"] for ecu in shop.json("scan")}, dict.fromkeys(("7E0", "7E1", "7E2"), VIN))


def info(shop):
    told = {row["name"]: row.get("values", {}).get(row["name"]) for row in shop.json("info", "--ecu", "engine")}
    return differs((told["vin"], told["system_name"], told["part_number"]), (VIN, "ENGINE", "CT-ECM-2041-B"))


def every_identifier_has_the_described_length(shop):
    problems = []
    for ecu in "engine", "gearbox", "battery", "body":
        for row in shop.json("info", "--ecu", ecu, "--all"):
            problems += [f"{ecu} {row['id']}: {name}" for name, value in row.get("values", {}).items() if value is None]
    return problems


def trouble_codes(shop):
    shop.run("routine", "start", "--ecu", "body", "break_part", "0401")
    shop.run("io", "adjust", "--ecu", "body", "--session", "3", "--hold", "2", "low_beam", "01")
    listed = shop.json("dtc", "list", "--ecu", "body", "--mask", "01", "--snapshots", "--extended-data")["dtcs"]
    problems = differs([(dtc["code"], dtc["text"]) for dtc in listed], [("B1D01-13", "low beam left, circuit open")])
    if listed:
        names = [snapshot.get("name") for snapshot in listed[0]["snapshots"]]
        problems += differs(names[:4], ["odometer", "speed", "supply", "ignition"])
        problems += differs([record["name"] for record in listed[0]["extended_data"]],
                            ["occurrences", "aging", "detection_counter", "failed_cycles"])
    shop.run("routine", "start", "--ecu", "body", "break_part", "0400")
    shop.run("dtc", "clear", "--ecu", "body")
    return problems + differs(shop.json("dtc", "list", "--ecu", "body", "--mask", "08")["dtcs"], [])


def security(shop):
    refused = shop.run("did", "write", "--ecu", "engine", "--session", "3", "mark", "00" * 16, code=1)
    shop.run("did", "write", "--ecu", "engine", "--session", "3", "--level", "1", "--key-program", shop.key, "mark",
             "mark=WORKSHOP 7")
    read = shop.json("did", "read", "--ecu", "engine", "mark")[0]["values"]["mark"]
    return differs(read, "WORKSHOP 7") + ([] if "security access denied (0x33)" in refused else [refused])


PROOF = """#!{python}
import sys
from nacl.signing import SigningKey
print(SigningKey(b"cantwin demo diagnostic key 0001").sign(bytes.fromhex(sys.argv[2])).signature.hex())
"""


JUDGE = """#!{python}
import sys
from nacl.signing import SigningKey
ours, theirs, certificate, proof = sys.argv[1:]
assert certificate == "-" and len(ours) == 64
SigningKey(b"{key}").verify_key.verify(bytes.fromhex(ours + theirs), bytes.fromhex(proof))
"""


def script(shop, name, text):
    program = shop.path / name
    program.write_text(text)
    program.chmod(0o755)
    return program


def authentication_both_ways(shop):
    """The ECU's own proof is judged by a program; who trusts another key has nothing of it."""
    proof = script(shop, "proof.py", PROOF.format(python=sys.executable))
    secret = ("did", "read", "--ecu", "engine", "--session", "3", "--authenticate", "06032B6570", "--key-program", proof)
    judges = [script(shop, f"judge{i}.py", JUDGE.format(python=sys.executable, key=f"cantwin demo ECU proof key 0000{i}"))
              for i in (1, 2)]
    read = shop.json(*secret, "--verify-program", judges[0], "secret")[0]["hex"]
    refused = shop.run(*secret, "--verify-program", judges[1], "secret", code=1)
    return differs(bytes.fromhex(read), b"twin-key") + ([] if "did not prove itself" in refused else [refused])


def authentication(shop):
    """Ed25519 by libsodium's Python binding proves ownership; a wrong proof is refused with the standard's code."""
    program = script(shop, "proof.py", PROOF.format(python=sys.executable))
    secret = ("did", "read", "--ecu", "engine", "--session", "3")
    shop.run(*secret, "secret", code=1)
    read = shop.json(*secret, "--authenticate", "06032B6570", "--key-program", program, "secret")[0]["hex"]
    refused = shop.run(*secret, "--authenticate", "06032B6570", "--key", "00" * 64, "secret", code=1)
    return differs(bytes.fromhex(read), b"twin-key") + ([] if "authentication: " in refused else [refused])


def routine(shop):
    shop.run("routine", "start", "--ecu", "gearbox", "self_test")
    return differs(shop.json("routine", "result", "--ecu", "gearbox", "self_test")["hex"][-2:], "00")


def flash(shop):
    image = random.Random(9).randbytes(1024)
    (shop.path / "calibration.bin").write_bytes(image)
    unlock = ("--session", "2", "--level", "1", "--key-program", shop.key)
    shop.run("flash", "--ecu", "engine", *unlock, "--address", "0x10000", "calibration.bin")
    checked = shop.json("routine", "start", "--ecu", "engine", "check")["hex"]
    shop.run("flash", "--ecu", "engine", *unlock, "--address", "0x10000", "--read", "1024", "back.bin")
    return (differs(checked[-8:], f"{crc32c(image):08x}") +
            differs((shop.path / "back.bin").read_bytes() == image, True))


def flash_without_key(shop):
    error = shop.run("flash", "--ecu", "engine", "--session", "2", "--address", "0x10000", "calibration.bin", code=1)
    return [] if "(0x33)" in error else [error]


def obd(shop):
    rows = {row["name"]: row for row in shop.json("obd", "values")}
    info_rows = {row["name"]: row["value"] for row in shop.json("obd", "info")}
    ready = shop.json("obd", "readiness")
    shop.run("obd", "dtcs")
    return (differs(info_rows.get("vin"), VIN) + differs([row["ecu"] for row in ready], ["7E8"]) +
            ([] if 11 < rows["module_voltage"]["value"] < 15.5 else [f"{rows['module_voltage']}"]))


def obd_on_uds(shop):
    by_obd = shop.json("obd", "values", "module_voltage")[0]["value"]
    by_uds = shop.json("obd", "values", "--uds", "--ecu", "engine", "module_voltage")[0]["value"]
    return [] if abs(by_obd - by_uds) < 0.5 else [f"{by_obd} and {by_uds}"]


def watch_periodic_and_changes(shop):
    """Two values at once: periodic single frames of an id of their own, and 60 bytes in segments at every change."""
    lines = shop.run("watch", "--ecu", "engine", "--session", "3", "--rate", "fast", "--seconds", "3", "--json",
                     "speed_and_supply", "record").splitlines()
    rows = [json.loads(line) for line in lines]
    periodic = [row for row in rows if row["kind"] == "periodic"]
    changes = [row for row in rows if row["kind"] == "change"]
    problems = [f"{len(periodic)} periodic, {len(changes)} changes"] if len(periodic) < 3 or len(changes) < 3 else []
    problems += [f"{row}" for row in periodic if row["id"] != "F201" or len(row["hex"]) != 8 or
                 not 11 < row["values"]["supply"] < 15.5]
    for row in changes:
        record = bytes.fromhex(row["hex"])
        problems += differs((row["id"], len(record), record[:4], record[36:59]), ("0160", 60, b"CTR1", bytes(range(36, 59))))
    sent = [row["values"]["frames_sent"] for row in changes]
    return problems + ([] if sent == sorted(set(sent)) else [f"not once per change: {sent}"])


def watch_trouble_codes_until_interrupted(shop):
    environment = {**os.environ, "CANTWIN_ECUS": str(VEHICLE / "ecus")}
    watch = subprocess.Popen([BIN / "cantwin", "diag", "watch", "--ecu", "gearbox", "--session", "3", "--dtcs", "01", "--json",
                              "speed_and_supply"], cwd=shop.path, env=environment, stdout=subprocess.PIPE, text=True)
    problems = differs(json.loads(watch.stdout.readline())["kind"], "periodic")  # then everything is set up
    while json.loads(watch.stdout.readline())["seconds"] < 0.5:  # events are looked for every 100 ms
        pass
    shop.run("routine", "start", "--ecu", "gearbox", "break_part", "0201")
    rows = (json.loads(line) for line in watch.stdout)
    dtc = next((row for row in rows if row["kind"] == "dtc"), {})
    problems += differs((dtc.get("code"), dtc.get("status", 0) & 1), ("P0868-00", 1))
    watch.send_signal(signal.SIGINT)
    watch.stdout.read()
    problems += differs(watch.wait(timeout=60), 0)
    problems += differs(shop.run("raw", "--tx", "7E1", "--rx", "7E9", "860402").split(), ["C6", "04", "00"])  # cleared
    shop.run("routine", "start", "--ecu", "gearbox", "break_part", "0200")
    shop.run("dtc", "clear", "--ecu", "gearbox")
    return problems


def watch_refuses_what_it_cannot(shop):
    default = shop.run("watch", "--ecu", "battery", "--seconds", "1", "speed_and_supply", code=1)  # no 2A in session 1
    through = shop.run("watch", "--ecu", "engine", "--socket", "gateway.sock", "speed", code=2)
    nothing = shop.run("watch", "--ecu", "engine", code=2)
    return ([] if "(0x7F)" in default else [default]) + ([] if "on the bus" in through else [through]) + \
        ([] if "watch what?" in nothing else [nothing])


def main():
    with Vehicle(sim=("--parked", "true")) as vehicle:
        shop = Workshop(vehicle)
        for run in (scan, info, every_identifier_has_the_described_length, trouble_codes, security, authentication,
                    authentication_both_ways, routine, flash, flash_without_key, obd, obd_on_uds, watch_periodic_and_changes,
                    watch_trouble_codes_until_interrupted, watch_refuses_what_it_cannot):
            try:
                report.check(f"diag_sim_{run.__name__}", run(shop))
            except Exception as problem:  # a case that breaks is a case that fails
                report.check(f"diag_sim_{run.__name__}", f"{type(problem).__name__}: {problem}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
