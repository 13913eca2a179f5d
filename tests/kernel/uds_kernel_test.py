#!/usr/bin/env python3
"""The simulated ECUs on vcan0 behind the kernel's own ISO-TP: udsoncan over CAN_ISOTP sockets, and gallia's scans of
sessions, services and identifiers, which must find what docs/diagnostics.md lists.

Runs in a kernel with CAN and ISO-TP where vcan0 is up (tests/run.sh), as root.
"""
import os
import re
import select
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get("CANTWIN_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BIN = os.environ.get("CANTWIN_BIN", os.path.join(SOURCE, "build/test/bin"))
try:
    import isotp
    import udsoncan
    from udsoncan.client import Client
    from udsoncan.connections import IsoTPSocketConnection
except ImportError as missing:
    print(f"skip uds_kernel: {missing}")
    sys.exit(0)

failed = False
TARGET = "isotp://vcan0?is_fd=false&is_extended=false&tx_id=0x7e0&rx_id=0x7e8&tx_padding=0xcc"
GALLIA = os.path.join(os.path.dirname(sys.executable), "gallia")
# As docs/diagnostics.md has them for an ECU without lamps, files, scaling and a second bit rate.
SERVICES = {0x10, 0x11, 0x14, 0x19, 0x22, 0x23, 0x27, 0x28, 0x29, 0x2A, 0x2C, 0x2E, 0x31, 0x34, 0x35, 0x36, 0x37, 0x3D, 0x3E,
            0x85, 0x86}
QUICK = ["--no-dumpcap", "--no-properties", "--no-compare-properties", "--no-tester-present", "--timeout", "1"]


class Text(udsoncan.DidCodec):
    def decode(self, payload):
        return bytes(payload)

    def __len__(self):
        raise udsoncan.DidCodec.ReadAllRemainingData


def say(name, good, why=""):
    global failed
    failed = failed or not good
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def start_vehicle(folder):
    with open(os.path.join(SOURCE, "sim/vehicle/sim.yaml"), encoding="utf-8") as file:
        text = file.read().replace("unix:can0.sock", "vcan0")
    text = re.sub(r"\n  - \{ name: can1.*", "", text)
    text = re.sub(r"(dbc|protection): ([a-z]+\.)", rf"\1: {SOURCE}/sim/vehicle/\2", text)
    with open(os.path.join(folder, "sim.yaml"), "w", encoding="utf-8") as file:
        file.write(text)
    sim = subprocess.Popen([os.path.join(BIN, "cantwin-sim"), "--config", "sim.yaml", "--parked"], cwd=folder,
                           stderr=subprocess.PIPE)
    line = b""
    while not line.rstrip().endswith(b"ready"):
        if not select.select([sim.stderr], [], [], 30)[0]:
            raise AssertionError("cantwin-sim was not ready")
        line = sim.stderr.readline()
    return sim


def ask_by_udsoncan():
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E0, rxid=0x7E8)
    config = dict(udsoncan.configs.default_client_config, data_identifiers={"default": Text}, request_timeout=10,
                  p2_timeout=5, use_server_timing=False)
    with Client(IsoTPSocketConnection("vcan0", address), config=config) as client:
        say("kernel_isotp_reads_the_vin", client.read_data_by_identifier(0xF190).service_data.values[0xF190]
            == b"WCTZZZ1ZZSA000001")
        record = client.read_data_by_identifier(0x0160).service_data.values[0x0160]
        say("kernel_isotp_reads_a_long_record", len(record) == 60 and record[:4] == b"CTR1", record)
        client.change_session(3)
        routine = client.start_routine(0x0202).service_data.routine_status_record
        say("kernel_isotp_waits_for_slow_work", routine == b"\x00", routine)
        client.start_routine(0x0300, bytes([0, 1]))
        ends = time.monotonic() + 30
        codes = []
        while not codes and time.monotonic() < ends:
            codes = [d.id for d in client.get_dtc_by_status_mask(0x08).service_data.dtcs]
        say("kernel_isotp_reads_a_fault", codes == [0x017100], codes)
        client.ecu_reset(1)


def gallia(name, *arguments):
    run = subprocess.run([GALLIA, "scan", "uds", *arguments, "--target", TARGET, *QUICK], capture_output=True, text=True,
                         timeout=150, check=False)
    say(f"gallia_{name}_runs", run.returncode == 0, (run.stdout + run.stderr)[-600:])
    return run.stdout + run.stderr


def scan_by_gallia():
    if not os.path.exists(GALLIA):
        print("skip uds_gallia: not installed")
        return
    text = gallia("sessions", "sessions", "--depth", "1")
    found = {int(m, 16) for m in re.findall(r"\* Session 0x([0-9A-Fa-f]{2})", text)}
    say("gallia_finds_exactly_the_sessions", found == {1, 2, 3}, f"{found}: {text[-400:]}")
    text = gallia("services", "services", "--sessions", "3", "--no-scan-response-ids")
    found = {int(m, 16) for m in re.findall(r"\[result\]:\s+\[0x([0-9A-Fa-f]{2})\]", text)}
    found = {service for service in found if service >= 0x10}  # those below are OBD's
    say("gallia_finds_exactly_the_services", found == SERVICES, f"{sorted(map(hex, found ^ SERVICES))}: {text[-400:]}")


with tempfile.TemporaryDirectory() as folder:
    sim = start_vehicle(folder)
    try:
        ask_by_udsoncan()
        scan_by_gallia()
    finally:
        sim.terminate()
        sim.wait()
sys.exit(failed)
