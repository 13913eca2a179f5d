#!/usr/bin/env python3
"""Scanners that are not ours against the simulated ECUs: scapy's ISO-TP scanner finds exactly the pairs there are, its UDS
enumerators find the services and identifiers that are documented, its OBD layer reads parameter after parameter, and
tshark names the services of the bytes that were on the bus.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import logging
import pathlib
import subprocess
import sys
import tempfile

from sim_rig import GROUPS, Report, Vehicle, frames

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    import can
    from scapy.config import conf
    conf.contribs["CANSocket"] = {"use-python-can": True}
    conf.contribs["ISOTP"] = {"use-can-isotp-kernel-module": False}
    from scapy.contrib.cansocket_python_can import PythonCANSocket
    from scapy.contrib.isotp import ISOTPSoftSocket, isotp_scan
    from scapy.contrib.automotive.obd.obd import OBD
    from scapy.contrib.automotive.uds import UDS
    from scapy.contrib.automotive.uds_scan import UDS_RDBIEnumerator, UDS_Scanner, UDS_ServiceEnumerator
except ImportError as missing:
    print(f"skip uds_scanner: {missing}")
    sys.exit(0)

report = Report()
# Service ids of docs/diagnostics.md that an ECU of the demo has; 87 needs an ECU that can change its rate, 38 files.
SERVICES = {0x10, 0x11, 0x14, 0x19, 0x22, 0x23, 0x27, 0x28, 0x29, 0x2A, 0x2C, 0x2E, 0x31, 0x34, 0x35, 0x36, 0x37, 0x3D,
            0x3E, 0x85, 0x86}
ABSENT = {0x24, 0x2F, 0x38, 0x83, 0x84, 0x87}


def open_socket(basecls=None):
    socket = PythonCANSocket(bustype="udp_multicast", channel=GROUPS["can0"], hop_limit=0, fd=True)
    return socket if basecls is None else ISOTPSoftSocket(socket, tx_id=0x7E0, rx_id=0x7E8, basecls=basecls, padding=True)


def check_scan():
    found = isotp_scan(open_socket(), range(0x7DE, 0x7E6), output_format="code", noise_listen_time=1, sniff_time=0.05,
                       can_interface="c", verbose=False)
    pairs = {(0x7E0, 0x7E8), (0x7E1, 0x7E9), (0x7E2, 0x7EA)}
    missing = [p for p in pairs if f"{p[0]:#x}" not in found.lower() or f"{p[1]:#x}" not in found.lower()]
    report.check("isotp_scan_finds_all_pairs", [f"{missing} not in {found!r}"] if missing else [])
    report.check("isotp_scan_finds_no_other", [found] if "0x7e3" in found.lower() else [])


def answers(enumerator):
    return [(item.req, item.resp) for item in enumerator.results if item.resp is not None]


def check_services():
    with open_socket(UDS) as socket:
        scanner = UDS_Scanner(socket, test_cases=[UDS_ServiceEnumerator],
                              UDS_ServiceEnumerator_kwargs={"timeout": 1, "request_length": 1, "scan_range": range(0x10, 0x90)})
        scanner.scan(timeout=45)
        enumerator = scanner.configuration.test_cases[0]
        there = {req.service for req, resp in answers(enumerator)
                 if not (resp.service == 0x7F and resp.negativeResponseCode == 0x11)}
        asked = {req.service for req, _ in answers(enumerator)}
    report.check("services_found", [f"{sorted(map(hex, SERVICES - there))} not found"] if SERVICES - there else [])
    report.check("services_absent", [f"{sorted(map(hex, ABSENT & there))}"] if ABSENT & there else [])
    report.check("services_all_answered", [] if SERVICES | ABSENT <= asked else ["silence to some"])


def check_identifiers():
    with open_socket(UDS) as socket:
        scanner = UDS_Scanner(socket, test_cases=[UDS_RDBIEnumerator],
                              UDS_RDBIEnumerator_kwargs={"timeout": 1, "scan_range": range(0xF180, 0xF1A0)})
        scanner.scan(timeout=30)
        there = {req.identifiers[0] for req, resp in answers(scanner.configuration.test_cases[0])
                 if resp.service == 0x62}
    report.equal("identifiers_found", there, {0xF186, 0xF187, 0xF189, 0xF18C, 0xF190, 0xF197})


def check_obd():
    with open_socket(OBD) as socket:
        bitmap = socket.sr1(OBD(bytes([0x01, 0x00])), timeout=2, verbose=False)
        supported = [i + 1 for i in range(32) if int.from_bytes(bytes(bitmap)[2:6], "big") >> (31 - i) & 1]
        silent, wrong = [], []
        for pid in [p for p in supported[:-1] if p != 0x10]:  # scapy 2.8 takes the two bytes of PID 10 for one
            answer = socket.sr1(OBD(bytes([0x01, pid])), timeout=2, verbose=False)
            if answer is None:
                silent.append(hex(pid))
            elif len(answer.data_records) != 1 or bytes(answer)[:2] != bytes([0x41, pid]):
                wrong.append(hex(pid))
    report.equal("obd_supported_parameters_answer", silent, [])
    report.equal("obd_parameters_parse_in_scapy", wrong, [])


def pcap_of(text, path):
    with open(path, "wb") as file:
        file.write(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(8) + b"\x00\x00\x04\x00\xe3\x00\x00\x00")
        for stamp, bus, ident, data, fd, _ in frames(text):
            if bus == "can0" and not fd and 0x7DF <= ident <= 0x7EF:
                body = ident.to_bytes(4, "big") + bytes([len(data), 0, 0, 0]) + data
                file.write((stamp // 1000000).to_bytes(4, "little") + (stamp % 1000000).to_bytes(4, "little") +
                           len(body).to_bytes(4, "little") * 2 + body)


def check_tshark(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "uds.pcap"
        pcap_of(text, path)
        try:
            lines = subprocess.run(
                ["tshark", "-r", path, "-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds", "-Y", "uds",
                 "-T", "fields", "-e", "uds.sid", "-e", "uds.reply", "-e", "uds.err.code"], capture_output=True, text=True,
                check=True).stdout.splitlines()
        except FileNotFoundError:
            print("skip uds_tshark: no tshark")
            return
    said = {int(line.split("\t")[0], 0) for line in lines if line.split("\t")[0]}
    codes = {int(code, 0) for line in lines for code in line.split("\t")[2:3] if code}
    report.check("tshark_names_services", [] if {0x10, 0x22, 0x3E, 0x31} <= {s & ~0x40 for s in said} | said else sorted(said))
    report.check("tshark_sees_our_refusals", [] if {0x11, 0x13, 0x31} <= codes else sorted(map(hex, codes)))


with Vehicle(udp=True, sim=("--parked",)) as vehicle:
    check_scan()
    check_services()
    check_identifiers()
    check_obd()
    _, _, log = vehicle.stop_sim()
    check_tshark(log)
sys.exit(report.failed)
