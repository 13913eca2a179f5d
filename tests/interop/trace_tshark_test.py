#!/usr/bin/env python3
"""`cantwin diag trace` sees what Wireshark sees: while a tester reads data from the simulated ECUs (classic and CAN FD,
single and segmented, granted and refused), the trace writes its view as JSON and the frames as a capture; tshark's
reassembly of the capture must show the same messages in the same order. Then the same from the simulator's log."""

import json
import select
import shutil
import signal
import struct
import subprocess
import sys
import time

from sim_rig import BIN, TIMEOUT, Report, Vehicle

report = Report()
DIAGNOSTIC = {*range(0x7E0, 0x7F0), 0x7DF}
FIELDS = ("can.id", "uds.sid", "uds.reply", "uds.err.sid", "uds.err.code", "uds.rdbi.data_identifier", "uds.rdbi.data_record",
          "_ws.malformed")


def dissect(pcap):
    command = ["tshark", "-n", "-r", pcap, "-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds", "-Y", "uds",
               "-T", "fields", "-E", "separator=|", *(x for f in FIELDS for x in ("-e", f))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(done.stderr.strip().splitlines()[-1])
    for line in done.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("|")))


def theirs(pcap):
    """(id, service, kind, nrc, identifier, data) of every message as tshark has it."""
    for row in dissect(pcap):
        ident, sid = int(row["can.id"], 0), int(row["uds.sid"], 0)
        if row["uds.err.sid"]:
            yield ident, int(row["uds.err.sid"], 0), "negative", int(row["uds.err.code"], 0), None, None
        else:
            did = int(row["uds.rdbi.data_identifier"], 0) if row["uds.rdbi.data_identifier"] else None
            kind = "positive" if int(row["uds.reply"], 0) else "request"
            yield ident, sid, kind, None, did, row["uds.rdbi.data_record"].replace(":", "") or None


def ours(lines):
    for line in lines:
        m = json.loads(line)
        if m["id"] not in DIAGNOSTIC:
            continue
        reads = m["service"] == 0x22 and m["kind"] != "negative"
        record = m["data"][6:] or None if reads and m["kind"] == "positive" else None
        yield m["id"], m["service"], m["kind"], m.get("nrc"), m["ids"][0] if reads else None, record


def difference(ours_list, theirs_list):
    for i, pair in enumerate(zip(ours_list, theirs_list)):
        if pair[0] != pair[1]:
            return [f"message {i}: {pair[0]} instead of {pair[1]}"]
    return [] if len(ours_list) == len(theirs_list) else [f"{len(ours_list)} messages instead of {len(theirs_list)}"]


def ask(vehicle, *words):
    """Refusals end with exit code 1, which is as good here."""
    subprocess.run([BIN / "cantwin", "diag", "raw", *words], cwd=vehicle.path, timeout=TIMEOUT, stdout=subprocess.DEVNULL)


def follow(vehicle, bus, requests):
    """The trace's JSON lines and capture while `requests` run on the bus."""
    pcap = vehicle.path / f"{bus}.pcap"
    trace = subprocess.Popen([BIN / "cantwin", "diag", "trace", f"unix:{bus}.sock", "--json", "--pcap", pcap],
                             cwd=vehicle.path, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + TIMEOUT
    while not pcap.exists() or pcap.stat().st_size <= 24:  # it listens when it has written a frame
        if not select.select([], [], [], 0.02)[0] and time.monotonic() > deadline:
            raise AssertionError("the trace wrote no frame")
    for request in requests:
        ask(vehicle, "--bus", f"unix:{bus}.sock", *request)
    select.select([trace.stdout], [], [], TIMEOUT)
    # the last answer has been on the bus before the tester ended; the trace reads in order, so stop it by a marker
    vehicle.cantwin("bus", "send", f"unix:{bus}.sock", "7DF#0155CCCCCCCCCCCC")
    lines = []
    for line in trace.stdout:
        if json.loads(line)["data"] == "55":
            break
        lines.append(line)
    trace.send_signal(signal.SIGTERM)
    status = trace.wait(TIMEOUT)
    trace.stdout.close()
    return lines, pcap, status


def diagnostic_frames_of(pcap):
    """tshark 4.0 takes signal frames of other ids for ISO-TP too and then loses transfers: it gets our records of the diagnostic
    ids alone, byte for byte."""
    data, at = pcap.read_bytes(), 24
    kept = [data[:24]]
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        if struct.unpack_from(">I", data, at + 16)[0] in DIAGNOSTIC:
            kept.append(data[at:at + 16 + length])
        at += 16 + length
    only = pcap.with_suffix(".only.pcap")
    only.write_bytes(b"".join(kept))
    return only


def compare(name, lines, pcap):
    mine, other = list(ours(lines)), [m for m in theirs(diagnostic_frames_of(pcap)) if m[0] in DIAGNOSTIC and m[1] != 0x15]
    report.check(name, difference(mine, other))
    return mine


def main():
    if shutil.which("tshark") is None:
        print("skip trace_tshark: tshark is not installed")
        return
    with Vehicle() as vehicle:
        engine = ("--tx", "7E0", "--rx", "7E8")
        lines, pcap, status = follow(vehicle, "can0", [(*engine, "22F190", "1003", "22FFFF", "220160", "3E00", "1001")])
        report.equal("trace_ends_cleanly_when_told", status, 0)
        mine = compare("trace_and_tshark_agree_on_a_classic_bus", lines, pcap)
        report.check("trace_saw_granted_refused_and_segmented",
                     [] if {m[2] for m in mine} == {"request", "positive", "negative"} and len(mine) >= 12 else [mine])
        lines, pcap, _ = follow(vehicle, "can1", [("--fd", "--tx", "7E4", "--rx", "7EC", "22F190", "220160")])
        compare("trace_and_tshark_agree_on_an_fd_bus", lines, pcap)
        vehicle.stop_sim()
        again = subprocess.run([BIN / "cantwin", "diag", "trace", vehicle.log, "--json"], capture_output=True, text=True,
                               timeout=TIMEOUT, check=True)
        buses = {json.loads(line)["bus"] for line in again.stdout.splitlines()}
        report.equal("trace_of_the_log_tells_buses_apart", buses, {"can0", "can1"})
        kinds = {"negative": "refused", "positive": "F190"}
        text = subprocess.run([BIN / "cantwin", "diag", "trace", vehicle.log], capture_output=True, text=True, timeout=TIMEOUT,
                              check=True).stdout
        report.check("trace_names_services_and_refusals", [w for w in (*kinds.values(), "ReadDataByIdentifier") if w not in text])


main()
sys.exit(1 if report.failed else 0)
