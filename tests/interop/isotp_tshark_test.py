#!/usr/bin/env python3
"""tshark dissects our ISO-TP: the simulator's recording of a segmented VIN (classic) and of VIN and record (CAN FD) is
turned into a pcap file (link type 227), and Wireshark's own reassembly must show the same UDS messages."""

import shutil
import struct
import subprocess
import sys
import threading

from sim_rig import BIN, TIMEOUT, VIN, Report, Vehicle, frames

report = Report()
LINKTYPE_CAN_SOCKETCAN = 227
FD_BRS, FD_FORMAT = 1, 4


def wait_for(dump, response_id, pci):
    """Reads the bus up to the response's frame that starts with `pci` (and a byte's upper half alone for first frames)."""
    timer = threading.Timer(TIMEOUT, dump.kill)
    timer.start()
    try:
        for line in dump.stdout:
            _, _, ident, data, _, _ = next(frames(line))
            if ident == response_id and (data[0] == pci or pci == data[0] & 0xF0 == 0x10):
                return
    finally:
        timer.cancel()
    raise AssertionError(f"no frame {pci:02X} of {response_id:X} within {TIMEOUT} s")


def exchange(vehicle, bus, request, response_id, flow_control, last):
    """Sends a request and, once the first frame is there, its flow control; returns after the response's last frame."""
    hub = f"unix:{bus}.sock"
    dump = subprocess.Popen([BIN / "cantwin", "bus", "dump", hub], cwd=vehicle.path, stdout=subprocess.PIPE, text=True)
    try:
        next(iter(dump.stdout))  # it listens
        vehicle.cantwin("bus", "send", hub, request)
        wait_for(dump, response_id, 0x10)
        vehicle.cantwin("bus", "send", hub, flow_control)
        wait_for(dump, response_id, last)
    finally:
        dump.kill()
        dump.wait(TIMEOUT)
        dump.stdout.close()


def write_pcap(path, text, wanted):
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_CAN_SOCKETCAN))
        for stamp, _, ident, data, fd, _ in frames(text):
            if ident in wanted:
                record = struct.pack(">IBBxx", ident, len(data), FD_FORMAT | FD_BRS if fd else 0) + data
                file.write(struct.pack("<IIII", stamp // 1000000, stamp % 1000000, len(record), len(record)) + record)


def dissect(path, *fields):
    command = ["tshark", "-n", "-r", path, "-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds",
               "-T", "fields", "-E", "separator=|", *(x for f in fields for x in ("-e", f))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(done.stderr.strip().splitlines()[-1])
    return [line.split("|") for line in done.stdout.splitlines()]


def main():
    if shutil.which("tshark") is None:
        print("skip isotp_tshark: tshark is not installed")
        return
    with Vehicle() as vehicle:
        exchange(vehicle, "can0", "7E0#0322F190CCCCCCCC", 0x7E8, "7E0#300000CCCCCCCCCC", 0x22)
        vehicle.cantwin("bus", "send", "unix:can1.sock", "7E4##10322F190CCCCCCCC")  # 20 bytes: one FD frame
        exchange(vehicle, "can1", "7E4##103220160CCCCCCCC", 0x7EC, "7E4##1300000CCCCCCCCCC", 0x21)
        _, _, text = vehicle.stop_sim()
        pcap = vehicle.path / "diagnostics.pcap"
        write_pcap(pcap, text, {0x7E0, 0x7E8, 0x7E4, 0x7EC})
        rows = dissect(pcap, "can.id", "iso15765.message_type", "uds.reply", "uds.sid", "uds.rdbi.data_identifier",
                       "uds.rdbi.data_record", "_ws.malformed")
    replies = {(int(r[0], 0), int(r[4], 0)): bytes.fromhex(r[5].replace(":", "")) for r in rows if r[5]}
    report.equal("tshark_reassembles_the_classic_vin", replies.get((0x7E8, 0xF190)), VIN.encode())
    report.equal("tshark_reads_the_vin_in_one_fd_frame", replies.get((0x7EC, 0xF190)), VIN.encode())
    record = replies.get((0x7EC, 0x0160), b"")
    report.check("tshark_reassembles_the_fd_record",
                 [] if len(record) == 60 and record[4:8] == b"BODY" and record[36:59] == bytes(range(36, 59)) else [record])
    kinds = [int(r[1], 0) for r in rows if r[1] and int(r[0], 0) == 0x7E8]
    report.equal("tshark_names_first_and_consecutive_frames", kinds, [1, 2, 2])
    report.check("tshark_finds_nothing_malformed", [r for r in rows if r[6]])


main()
sys.exit(1 if report.failed else 0)
