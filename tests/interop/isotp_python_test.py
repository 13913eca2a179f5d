#!/usr/bin/env python3
"""can-isotp and udsoncan as testers of the simulated ECUs, over the bridged bus: they read identification data through
our segmentation, classic and FD, and we read their long requests. What really happened on the bus is checked in the
simulator's recording.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import sys

from sim_rig import GROUPS, VIN, Report, Vehicle, frames

try:
    import can
    import isotp
    import udsoncan
    from udsoncan.client import Client
    from udsoncan.connections import PythonIsoTpConnection
except ImportError as missing:
    print(f"skip isotp_python: {missing}")
    sys.exit(0)

report = Report()
PARTS = {"engine": b"CT-ECM-2041-B", "gearbox": b"CT-TCM-1107-A", "battery": b"CT-BMS-0093-C", "body": b"CT-BCM-3310-D"}
ECUS = {"engine": ("can0", 0x7E0, 0x7E8), "gearbox": ("can0", 0x7E1, 0x7E9), "battery": ("can0", 0x7E2, 0x7EA),
        "body": ("can1", 0x7E4, 0x7EC)}


class Raw(udsoncan.DidCodec):
    def encode(self, value):
        return value

    def decode(self, payload):
        return bytes(payload)

    def __len__(self):
        raise udsoncan.DidCodec.ReadAllRemainingData


CONFIG = dict(udsoncan.configs.default_client_config, data_identifiers={d: Raw for d in (0xF190, 0xF187, 0x0160, 0x1234)},
              request_timeout=10, p2_timeout=5)


def tester(bus, request_id, response_id, fd, **parameters):
    settings = {"can_fd": fd, "tx_data_length": 64 if fd else 8, "tx_padding": 0xAA, "rx_flowcontrol_timeout": 5000,
                "rx_consecutive_frame_timeout": 5000, **parameters}
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=request_id, rxid=response_id)
    return Client(PythonIsoTpConnection(isotp.CanStack(bus=bus, address=address, params=settings)), config=CONFIG)


def crc8_j1850(data):
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1D) & 0xFF if crc & 0x80 else (crc << 1) & 0xFF
    return crc ^ 0xFF


def read(client, did):
    return client.read_data_by_identifier(did).service_data.values[did]


def check_record(name, record, ecu):
    problems = [] if len(record) == 60 else [f"{len(record)} bytes"]
    if record[:4] != b"CTR1" or record[4:20].rstrip(b"\0").decode().lower() != ecu:
        problems.append(f"header {record[:20]!r}")
    if record[36:59] != bytes(range(36, 59)) or record[59] != crc8_j1850(record[:59]):
        problems.append("contents or checksum")
    report.check(name, problems)


def read_everything(buses):
    for ecu, (bus, request_id, response_id) in ECUS.items():
        with tester(buses[bus], request_id, response_id, bus == "can1") as client:
            report.equal(f"isotp_{ecu}_vin", read(client, 0xF190), VIN.encode())
            report.equal(f"isotp_{ecu}_part_number", read(client, 0xF187), PARTS[ecu])
            check_record(f"isotp_{ecu}_record", read(client, 0x0160), ecu)


def try_refusals(buses):
    with tester(buses["can0"], 0x7E0, 0x7E8, False) as client:
        try:
            read(client, 0x1234)
            report.check("isotp_unknown_identifier_is_refused", "it was answered")
        except udsoncan.exceptions.NegativeResponseException as refusal:
            report.equal("isotp_unknown_identifier_is_refused", refusal.response.code, 0x31)
        # 203 bytes reach the ECU segmented; this identifier is for reading only
        try:
            client.write_data_by_identifier(0x0160, bytes(200))
            report.check("isotp_long_request_is_received_whole", "it was written")
        except udsoncan.exceptions.NegativeResponseException as refusal:
            report.equal("isotp_long_request_is_received_whole", refusal.response.code, 0x31)
        report.check("isotp_tester_present", [] if client.tester_present().positive else ["negative"])


def try_flow_control(buses):
    """A receiver that wants blocks of 2 and 20 ms between frames; returns what the recording must show."""
    with tester(buses["can0"], 0x7E1, 0x7E9, False, blocksize=2, stmin=20) as client:
        check_record("isotp_slow_receiver_gets_the_record", read(client, 0x0160), "gearbox")


def flow_control_kept(text):
    """Between flow controls of block size 2 at most 2 consecutive frames, at least STmin apart."""
    problems, left, last, gap, blocks = [], None, None, 0, 0
    for stamp, bus, ident, data, _, _ in frames(text):
        if bus == "can0" and ident == 0x7E1 and data[0] == 0x30 and data[1] == 2:
            left, last, gap = 2, None, data[2] * 1000
            blocks += 1
        elif bus == "can0" and ident == 0x7E9 and left is not None and data[0] >> 4 == 2:
            left -= 1
            if left < 0:
                problems.append("more frames than the block size")
            if last is not None and stamp - last < gap:
                problems.append(f"{stamp - last} us after the frame before")
            last = stamp
    return problems + ([] if blocks >= 4 else [f"{blocks} blocks seen"])


def try_functional(bus):
    bus.send(can.Message(arbitration_id=0x7DF, data=bytes.fromhex("023e00cccccccccc"), is_extended_id=False))
    answers = {}
    while len(answers) < 3:
        message = bus.recv(10)
        if message is None:
            break
        if 0x7E8 <= message.arbitration_id <= 0x7EF:
            answers[message.arbitration_id] = bytes(message.data[:3])
    report.equal("isotp_functional_request_reaches_every_ecu", answers,
                 {i: bytes.fromhex("027e00") for i in (0x7E8, 0x7E9, 0x7EA)})


def main():
    with Vehicle(udp=True) as vehicle:
        buses = {name: can.Bus(interface="udp_multicast", channel=group, hop_limit=0, fd=name == "can1")
                 for name, group in GROUPS.items()}
        try:
            read_everything(buses)
            try_refusals(buses)
            try_flow_control(buses)
            try_functional(buses["can0"])
        finally:
            for bus in buses.values():
                bus.shutdown()
        status, words, text = vehicle.stop_sim()
    report.check("isotp_flow_control_is_kept_on_the_bus", flow_control_kept(text))
    report.equal("isotp_simulator_ends_cleanly", status, 0)
    report.check("isotp_simulator_counts_its_frames", [] if "frames sent" in words else [words])


main()
sys.exit(1 if report.failed else 0)
