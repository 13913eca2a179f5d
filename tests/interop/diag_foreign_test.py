#!/usr/bin/env python3
"""`cantwin diag` against ECUs that are not ours, over python-can's virtual bus: python-uds-server, a small server on
can-isotp that misbehaves as real ECUs do, and three OBD-II responders whose values scapy decodes too.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading

from sim_rig import BIN, Report

try:
    import can
    import isotp
    from scapy.contrib.automotive.obd.obd import OBD
    from uds_server import (DidDefinition, DiagnosticSession, DtcDefinition, DtcSnapshot, FileDefinition,
                            IoControlDefinition, MemoryRegionDefinition, RoutineDefinition, SecurityLevel, UdsServer)
    from uds_server.transport.isotp import IsoTpTransport
except ImportError as missing:
    print(f"skip diag_foreign: {missing}")
    sys.exit(0)

report = Report()
GROUP = "239.74.163.2"
VIN = b"WDBFOREIGN0000017"
folder = pathlib.Path(tempfile.mkdtemp())


def new_bus():
    return can.Bus(interface="udp_multicast", channel=GROUP, hop_limit=0, fd=False)


def layer(txid, rxid, bus):
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=txid, rxid=rxid)
    return isotp.CanStack(bus=bus, address=address, params={"tx_padding": 0xAA, "blocking_send": False})


def diag(*arguments, code=0):
    """Runs `cantwin diag`; its standard output and error. A wrong exit code is an answer too."""
    done = subprocess.run([BIN / "cantwin", "diag", *arguments[:1], "--bus", f"udp:{GROUP}", *arguments[1:]], cwd=folder,
                          capture_output=True, text=True, timeout=60)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit {done.returncode} instead of {code}: {done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def case(name, run):
    try:
        report.check(name, run() or [])
    except Exception as problem:  # a case that breaks is a case that fails
        report.check(name, f"{type(problem).__name__}: {problem}")


def differs(got, expected):
    return [] if got == expected else [f"{got!r} instead of {expected!r}"]


DESCRIPTION = """
name: foreign
request_id: 0x7E0
response_id: 0x7E8
dids:
  - { id: 0xF190, name: vin, length: 17, fields: [{ name: vin, type: ascii }] }
  - { id: 0x0123, name: setting, length: 2, write: true,
      fields: [{ name: limit, type: uint, width: 1, factor: 0.5, unit: bar },
               { name: mode, type: uint, at: 1, width: 1, bits: 2, states: [{ value: 0, text: off }, { value: 2, text: auto }] }] }
  - { id: 0x010A, name: speed, length: 2, fields: [{ name: speed, type: uint, factor: 0.01, unit: km/h }] }
  - { id: 0x0110, name: gear, length: 1 }
dtcs:
  - { code: 0x030100, text: cylinder 1 misfire }
routines:
  - { id: 0x0203, name: self_test, session: 3 }
records:
  - { record: 1, name: occurrences, length: 1 }
"""

# ---------------------------------------------------------------- python-uds-server


def foreign_server(bus):
    stubborn = bytes(2)
    server = UdsServer(
        IsoTpTransport(layer(0x7E8, 0x7E0, bus)),
        dids=[DidDefinition(0xF190, 17), DidDefinition(0x0123, 2),
              DidDefinition(0x0124, 2, read_callback=lambda: stubborn, write_callback=lambda value: None)],
        dtcs=[DtcDefinition(0x030100, 0x2F, (DtcSnapshot(1, {0x010A: b"\x27\x10", 0x0110: b"\x04"}),), {1: b"\x07"}),
              DtcDefinition(0xC10087, 0x08)],
        security_levels=[SecurityLevel(1, lambda: b"\x12\x34\x56\x78",
                                       key_validator=lambda seed, key: key == bytes(b ^ 0xFF for b in seed))],
        routines=[RoutineDefinition(0x0203, start_callback=lambda data: b"\x01" + data)],
        memory_regions=[MemoryRegionDefinition(0x10000, 0x4000)],
        io_controls=[IoControlDefinition(0x9B00, 1)],
        files=[FileDefinition("/log.bin", b"old")],
        sessions=[DiagnosticSession(1), DiagnosticSession(2), DiagnosticSession(3)])
    server.get_did(0xF190).value = VIN
    server.get_did(0x0123).value = b"\x10\x00"
    return server


ECU = ("--description", "foreign.yaml")


def uds_server_cases(server):
    def read():
        out = json.loads(diag("did", "read", *ECU, "vin", "0123", "--json")[0])
        return (differs(out[0]["values"], {"vin": VIN.decode()}) +
                differs(out[1]["values"], {"limit": 8, "mode": "off"}))

    def write():
        diag("did", "write", *ECU, "setting", "limit=12.5", "mode=auto")
        return differs(server.get_did(0x0123).value, b"\x19\x02")

    def stubborn():
        _, error = diag("did", "write", *ECU, "0124", "AABB", code=1)
        return [] if "differs" in error else [error]

    def dtcs():
        out = json.loads(diag("dtc", "list", *ECU, "--snapshots", "--extended-data", "--json")[0])
        first, second = sorted(out["dtcs"], key=lambda dtc: dtc["hex"])
        return (differs((first["code"], first["text"], first["status"]), ("P0301-00", "cylinder 1 misfire", 0x2F)) +
                differs([(s["record"], s["name"], s["hex"]) for s in first["snapshots"]],
                        [(1, "speed", "2710"), (1, "gear", "04")]) +
                differs(first["snapshots"][0]["values"], {"speed": 100}) +
                differs([(e["name"], e["hex"]) for e in first["extended_data"]], [("occurrences", "07")]) +
                differs((second["code"], second["set"]), ("U0100-87", ["confirmedDTC"])))

    def clear():
        diag("dtc", "clear", *ECU)
        return differs(json.loads(diag("dtc", "list", *ECU, "--json")[0])["dtcs"], [])

    def unlock(key, code):
        return diag("session", *ECU, "3", "--level", "1", *key, code=code)

    def keys():
        program = folder / "key.sh"
        program.write_text("#!/bin/sh\n[ $1 = 1 ] && [ $2 = 12345678 ] && echo EDCBA987\n")
        program.chmod(0o755)
        unlock(("--key", "EDCBA987"), 0)
        unlock(("--key-program", program), 0)
        _, error = unlock(("--key", "00000000"), 1)
        return [] if "invalid key" in error else [error]

    def library():
        source = folder / "key.c"
        source.write_text("#include <stddef.h>\nint ct_key(unsigned l, const unsigned char *s, size_t n, unsigned char *k,"
                          " size_t m) { (void)l; for (size_t i = 0; i < n && i < m; i++) k[i] = s[i] ^ 0xFF; return (int)n; }\n")
        if subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "key.so", source], check=False).returncode != 0:
            return []
        unlock(("--key-library", folder / "key.so"), 0)
        return []

    def routine():
        out = json.loads(diag("routine", "start", *ECU, "self_test", "AA", "--json")[0])
        return [] if out["hex"].endswith("aa") else [out["hex"]]

    def flash():
        image = random.Random(5).randbytes(5000)
        (folder / "app.bin").write_bytes(image)
        out = json.loads(diag("flash", *ECU, "--session", "2", "--address", "0x10000", "app.bin", "--json")[0])
        diag("flash", *ECU, "--session", "2", "--address", "0x10000", "--read", "5000", "back.bin")
        return differs(out["bytes"], 5000) + differs((folder / "back.bin").read_bytes() == image, True)

    def file():
        image = random.Random(8).randbytes(3000)
        (folder / "log.bin").write_bytes(image)
        diag("flash", *ECU, "--session", "2", "--file", "/log.bin", "log.bin")
        out = json.loads(diag("flash", *ECU, "--session", "2", "--file", "/log.bin", "--read", "9999", "copy.bin", "--json")[0])
        _, error = diag("flash", *ECU, "--session", "2", "--file", "/none", "log.bin", code=1)
        return (differs((folder / "copy.bin").read_bytes() == image, True) + differs(out["bytes"], 3000) +
                ([] if "broken off" in error else [error]))

    def io():
        lamp = server.get_io_control(0x9B00)
        diag("io", "adjust", *ECU, "--session", "3", "9B00", "55")
        adjusted = (lamp.value, lamp.is_controlled)
        diag("io", "return", *ECU, "--session", "3", "9B00")
        return differs((*adjusted, lamp.is_controlled), (b"\x55", True, False))

    def beyond():
        _, error = diag("flash", *ECU, "--session", "2", "--address", "0x90000", "app.bin", code=1)
        return [] if "broken off after 0 of 5000 bytes" in error else [error]

    for run in read, write, stubborn, dtcs, clear, keys, library, routine, flash, file, io, beyond:
        case(f"diag_uds_server_{run.__name__}", run)


# ---------------------------------------------------------------- a server that misbehaves


class Rough:
    """Response pending, busy, answers to 3E 80, padded lists, a lost and a refused block."""

    def __init__(self, bus):
        self.stack = layer(0x7E9, 0x7E1, bus)
        self.busy, self.image, self.last, self.lost, self.written, self.refuse = 2, bytearray(), 0, False, [], False
        self.ended = threading.Event()
        self.stack.start()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.ended.set()
        self.thread.join(5)
        self.stack.stop()

    def run(self):
        while not self.ended.is_set():
            request = self.stack.recv(block=True, timeout=0.1)
            for response in self.answer(bytes(request)) if request else ():
                self.stack.send(response)

    def answer(self, request):
        match request[0]:
            case 0x3E:
                return [b"\x7E\x00"]  # also to 3E 80 (gallia#30)
            case 0x10:
                return [b"\x50" + bytes([request[1] & 0x7F]) + b"\x00\x32\x01\xF4"]
            case 0x31:
                return [b"\x7F\x31\x78"] * 3 + [b"\x71" + request[1:4] + b"\x10"]
            case 0x22 if request[1:] == b"\x03\x21":
                self.busy -= 1
                return [b"\x7F\x22\x21"] if self.busy >= 0 else [b"\x62\x03\x21\x2A"]
            case 0x22:
                return [b"\x62\x99\x99\x00", b"\x7E\x00", b"\x62" + request[1:3] + b"\x55"]  # strays first
            case 0x19:
                return [b"\x59\x02\xFF\x03\x01\x00\x08" + bytes(9)]  # padded by zeros
            case 0x34:
                self.refuse = request[3:7] == b"\x00\x00\x20\x00"
                self.image, self.last, self.written = bytearray(), 0, []
                return [b"\x74\x10\x42"]
            case 0x36:
                return self.block(request)
            case 0x37:
                return [b"\x77"]
        return [b"\x7F" + request[:1] + b"\x11"]

    def block(self, request):
        counter = request[1]
        if counter == self.last and self.written:  # a repeated block is confirmed, not written again
            return [b"\x76" + request[1:2]]
        if counter != (self.last + 1) % 256:
            return [b"\x7F\x36\x73"]
        if self.refuse and counter == 5:
            return [b"\x7F\x36\x72"]
        self.last = counter
        self.image += request[2:]
        self.written.append(counter)
        if counter == 3 and not self.lost:
            self.lost = True
            return []
        return [b"\x76" + request[1:2]]


PAIR = ("--tx", "7E1", "--rx", "7E9")


def rough_cases(rough):
    def pending():
        return differs(json.loads(diag("routine", "start", *PAIR, "0203", "--json")[0])["hex"], "10")

    def busy():
        return differs(json.loads(diag("did", "read", *PAIR, "0321", "--json")[0])[0]["hex"], "2a")

    def strays():
        return differs(json.loads(diag("did", "read", *PAIR, "0400", "--json")[0])[0]["hex"], "55")

    def padding():
        return differs([dtc["code"] for dtc in json.loads(diag("dtc", "list", *PAIR, "--json")[0])["dtcs"]], ["P0301-00"])

    def answered_keep_alive():
        out, _ = diag("session", *PAIR, "3", "--hold", "2.5")
        return [] if "session 3" in out else [out]

    def lost_block():
        image = random.Random(6).randbytes(64 * 270)  # the counter wraps
        (folder / "long.bin").write_bytes(image)
        out = json.loads(diag("flash", *PAIR, "--session", "2", "--timeout", "0.5", "--address", "0x1000", "long.bin",
                              "--json")[0])
        return differs(bytes(rough.image) == image, True) + differs(out["blocks_repeated"], 1)

    def refused_block():
        (folder / "short.bin").write_bytes(bytes(1000))
        _, error = diag("flash", *PAIR, "--session", "2", "--address", "0x2000", "short.bin", code=1)
        return [] if "broken off after 256 of 1000 bytes: general programming failure (0x72)" in error else [error]

    for run in pending, busy, strays, padding, answered_keep_alive, lost_block, refused_block:
        case(f"diag_rough_{run.__name__}", run)


# ---------------------------------------------------------------- 29-bit ids


def fixed_cases(bus):
    """An ECU 11 behind 18DA11F1, as can-isotp's normal fixed addressing makes the ids."""
    address = isotp.Address(isotp.AddressingMode.NormalFixed_29bits, source_address=0x11, target_address=0xF1)
    stack = isotp.CanStack(bus=bus, address=address)
    ended = threading.Event()

    def run():
        while not ended.is_set():
            request = stack.recv(block=True, timeout=0.1)
            if request:
                known = request[0] == 0x22 and request[1:3] == b"\xF1\x90"
                stack.send(b"\x7E\x00" if request[0] == 0x3E else b"\x62\xF1\x90" + VIN if known else b"\x7F" + request[:1] + b"\x31")

    def scan():
        found = json.loads(diag("scan", "--extended", "--from", "18DA10F1", "--to", "18DA13F1", "--json")[0])
        return differs(found, [{"tx": "18DA11F1", "rx": "18DAF111", "vin": VIN.decode()}])

    def read():
        return differs(json.loads(diag("did", "read", "--tx", "18DA11F1", "--rx", "18DAF111", "F190", "--json")[0])[0]["hex"], VIN.hex())

    stack.start()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    for case_of in scan, read:
        case(f"diag_fixed_{case_of.__name__}", case_of)
    ended.set()
    thread.join(5)
    stack.stop()


# ---------------------------------------------------------------- OBD-II

# Bytes by PID that scapy decodes as the standard does. Not compared: 10 (it takes one byte of two), 34 to 3B (its current
# lacks the offset of -128 mA), 4F and 50.
SCAPY_PIDS = {0x04: 1, 0x05: 1, 0x06: 1, 0x0A: 1, 0x0B: 1, 0x0C: 2, 0x0D: 1, 0x0E: 1, 0x0F: 1, 0x11: 1, 0x1F: 2,
              0x21: 2, 0x22: 2, 0x23: 2, 0x2C: 1, 0x2D: 1, 0x2F: 1, 0x30: 1, 0x31: 2, 0x33: 1, 0x3C: 2, 0x42: 2, 0x43: 2,
              0x44: 2, 0x45: 1, 0x46: 1, 0x4D: 2, 0x59: 2, 0x5A: 1, 0x5C: 1, 0x5D: 2, 0x5E: 2}


class Obd:
    """Three ECUs on one bus object; the first answers more than one frame through can-isotp's flow control rules."""

    def __init__(self, bus):
        self.bus = bus
        rng = random.Random(7)
        self.data = [{pid: rng.randbytes(n) for pid, n in SCAPY_PIDS.items()} for _ in range(3)]
        for gone in (0x0C, 0x0D, 0x5E):
            del self.data[2][gone]
        self.stacks = [layer(0x7E8 + i, 0x7E0 + i, new_bus()) for i in range(3)]
        for stack in self.stacks:
            stack.start()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.ended.set()
        self.thread.join(5)
        for stack in self.stacks:
            stack.stop()
            stack.bus.shutdown()

    def run(self):
        while not self.ended.is_set():
            frame = self.bus.recv(0.1)
            if frame is None or frame.arbitration_id != 0x7DF or frame.data[0] > 7:
                continue
            for i, stack in enumerate(self.stacks):
                response = self.answer(i, bytes(frame.data[1:1 + frame.data[0]]))
                if response:
                    stack.send(response)

    def answer(self, i, request):
        mode = request[0]
        if mode == 1:
            parts = b"".join(self.value(i, pid) for pid in request[1:])
            return b"\x41" + parts if parts else None
        if mode == 9 and request[1] == 2:
            return b"\x49\x02\x01" + VIN if i == 0 else None
        if mode == 9 and request[1] == 4:
            return b"\x49\x04\x02" + b"CAL-ONE-%d" % i + bytes(7) + b"CAL-TWO-%d" % i + bytes(7)
        if mode == 9 and request[1] == 6:
            return b"\x49\x06\x01\x17\x91\xBC" + bytes([i])
        if mode == 3:
            return [b"\x43\x02\x03\x01\xC1\x00", b"\x43\x01\x23", b"\x43\x00"][i]  # with, without and no codes
        if mode in (7, 10):
            return bytes([mode + 0x40, 0]) if i < 2 else None
        return b"\x44" if mode == 4 and i == 1 else None

    def value(self, i, pid):
        if pid % 0x20 == 0:
            ids = set(self.data[i]) | {1, 0x20, 0x40}
            bits = sum(1 << (32 - k) for k in range(1, 33) if pid + k in ids)
            return bytes([pid]) + bits.to_bytes(4, "big")
        if pid == 1:
            return b"\x01\x83\x07\xE1\x20"
        return bytes([pid]) + self.data[i][pid] if pid in self.data[i] else b""


def scapy_value(pid, data):
    record = OBD(b"\x41" + bytes([pid]) + data).data_records[0]
    fields = record.payload if hasattr(record, "payload") else record
    return next(value for name, value in fields.fields.items() if name != "pid") if fields.fields else None


def obd_cases(obd):
    def values():
        rows = json.loads(diag("obd", "values", "--json")[0])
        told = {(row["ecu"], row["name"]): row["value"] for row in rows}
        return differs(len({row["ecu"] for row in rows}), 3) + ([] if len(told) > 90 else [f"{len(told)} values"])

    def scapy_agrees():
        rows = json.loads(diag("obd", "values", "--json")[0])
        problems, compared = [], 0
        for i in range(3):
            ours = [row["value"] for row in rows if row["ecu"] == f"{0x7E8 + i:X}" and row["name"] not in ("monitor_status",)]
            theirs = [scapy_value(pid, data) for pid, data in sorted(obd.data[i].items())]
            problems += [] if len(ours) == len(theirs) else [f"ECU {i}: {len(ours)} values, {len(theirs)} sent"]
            for pid, mine, other in zip(sorted(obd.data[i]), ours, theirs):
                compared += 1
                if abs(mine - float(other)) > max(0.0051, abs(mine) * 1e-3):
                    problems.append(f"PID {pid:02X}: {mine} and by scapy {other}")
        return problems or ([] if compared > 90 else [f"{compared} compared"])

    def one_name():
        rows = json.loads(diag("obd", "values", "engine_speed", "--json")[0])
        expected = [int.from_bytes(obd.data[i][0x0C], "big") / 4 for i in range(2)]
        return differs([row["value"] for row in rows], expected)

    def info():
        rows = json.loads(diag("obd", "info", "--json")[0])
        vins = [row["value"] for row in rows if row["name"] == "vin"]
        calibrations = [row["value"] for row in rows if row["name"] == "calibration_id"]
        sums = [row["value"] for row in rows if row["name"] == "calibration_verification"]
        return (differs(vins, [VIN.decode()]) + differs(len(calibrations), 6) + differs(calibrations[3], "CAL-TWO-1") +
                differs(sums, ["1791bc00", "1791bc01", "1791bc02"]))

    def readiness():
        rows = json.loads(diag("obd", "readiness", "--json")[0])
        return differs((len(rows), rows[0]["mil"], rows[0]["dtcs"], rows[0]["monitors"]["oxygen_sensor"],
                        rows[0]["monitors"]["catalyst"]), (3, True, 3, False, True))

    def dtcs():
        rows = json.loads(diag("obd", "dtcs", "--json")[0])
        return differs([(row["ecu"], row["kind"], row["code"]) for row in rows],
                       [("7E8", "stored", "P0301"), ("7E8", "stored", "U0100"), ("7E9", "stored", "P0123")])

    def clear():
        return differs([row["ecu"] for row in json.loads(diag("obd", "clear", "--json")[0])], ["7E9"])

    for run in values, scapy_agrees, one_name, info, readiness, dtcs, clear:
        case(f"diag_obd_{run.__name__}", run)


def main():
    (folder / "foreign.yaml").write_text(DESCRIPTION)
    with new_bus() as bus, new_bus() as second:
        server = foreign_server(bus)
        server.start()
        rough = Rough(second)
        uds_server_cases(server)
        rough_cases(rough)
        rough.stop()
        fixed_cases(second)
        server.stop()
    with new_bus() as bus:
        obd = Obd(bus)
        obd_cases(obd)
        obd.stop()
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
