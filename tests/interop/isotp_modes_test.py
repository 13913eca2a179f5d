#!/usr/bin/env python3
"""can-isotp against our ISO-TP machine in every addressing mode it knows, both directions, classic and CAN FD, over the
bridged bus: what one sends is what the other gets, in frames that carry the mode's ids and address bytes.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import os
import pathlib
import select
import subprocess
import sys
import tempfile

from sim_rig import BIN, GROUPS, TIMEOUT, Report, wait_ready

try:
    import can
    import isotp
    from isotp import AddressingMode as Mode
except ImportError as missing:
    print(f"skip isotp_modes: {missing}")
    sys.exit(0)

report = Report()
PEER = pathlib.Path(os.environ.get("CANTWIN_TEST_BIN", BIN.parent / "tests")) / "isotp_peer"
LENGTHS = (1, 6, 7, 8, 61, 62, 63, 300, 4100)

# name, their address, our ids (transmit, receive) and options: we are the ECU at 10 (or 12 34), they the tester F1
CASES = [
    ("normal_11", isotp.Address(Mode.Normal_11bits, txid=0x7E0, rxid=0x7E8), ("7E8", "7E0"), []),
    ("normal_29", isotp.Address(Mode.Normal_29bits, txid=0x12345678, rxid=0x12345679), ("12345679", "12345678"), []),
    ("normal_fixed", isotp.Address(Mode.NormalFixed_29bits, target_address=0x10, source_address=0xF1), ("18DAF110", "18DA10F1"),
     ["--mode", "fixed"]),
    ("extended_11", isotp.Address(Mode.Extended_11bits, txid=0x6F1, rxid=0x612, target_address=0x12, source_address=0xF1),
     ("612", "6F1"), ["--mode", "extended", "--byte", "F1", "12"]),
    ("extended_29", isotp.Address(Mode.Extended_29bits, txid=0x1234560, rxid=0x1234561, target_address=0x12, source_address=0xF1),
     ("01234561", "01234560"), ["--mode", "extended", "--byte", "F1", "12"]),
    ("mixed_11", isotp.Address(Mode.Mixed_11bits, txid=0x701, rxid=0x702, address_extension=0x99), ("702", "701"),
     ["--mode", "mixed11", "--byte", "99", "99"]),
    ("mixed_29", isotp.Address(Mode.Mixed_29bits, target_address=0x10, source_address=0xF1, address_extension=0x99),
     ("18CEF110", "18CE10F1"), ["--mode", "mixed29", "--byte", "99", "99"]),
]
if hasattr(isotp, "AsymmetricAddress"):
    CASES.append(("asymmetric_11_there_29_back",
                  isotp.AsymmetricAddress(tx_addr=isotp.Address(Mode.Normal_11bits, txid=0x123, tx_only=True),
                                          rx_addr=isotp.Address(Mode.NormalFixed_29bits, target_address=0x10, source_address=0xF1,
                                                                rx_only=True)),
                  ("18DAF110", "123"), ["--mode", "fixed", "--rx-mode", "normal"]))


def payload(length):
    return bytes((i * 11 + (i >> 8) + length) & 0xFF for i in range(length))


def exchange(bus, hub, address, ids, options, fd, overrides=()):
    """Each length is sent by them, echoed by us, compared by them."""
    lengths = LENGTHS if not overrides else (63,)
    settings = {"can_fd": fd, "tx_data_length": 64 if fd else 8, "tx_padding": 0xAA, "blocksize": 8, "stmin": 0,
                "rx_flowcontrol_timeout": 5000, "rx_consecutive_frame_timeout": 5000, "max_frame_size": 10000, "wftmax": 10}
    ours = subprocess.Popen([PEER, hub, *ids, *options, "--bs", "16", *(["--dl", "64"] if fd else []), *overrides, "echo",
                             str(len(lengths))], stderr=subprocess.PIPE, text=True)
    problems = []
    stack = isotp.CanStack(bus=bus, address=address, params=settings)
    stack.start()
    try:
        if not select.select([ours.stderr], [], [], TIMEOUT)[0] or "ready" not in ours.stderr.readline():
            return ["our end did not start"]
        for length in lengths:
            stack.send(payload(length))
            got = stack.recv(block=True, timeout=TIMEOUT)
            if got is None or bytes(got) != payload(length):
                problems.append(f"{length} bytes came back as {None if got is None else len(got)}")
                break
        if not problems and ours.wait(TIMEOUT) != 0:
            problems.append(ours.stderr.read())
    finally:
        stack.stop()
        ours.kill()
        ours.wait(TIMEOUT)
        ours.stderr.close()
    return problems


def main():
    if not PEER.exists():
        print("skip isotp_modes: isotp_peer is not built")
        return
    with tempfile.TemporaryDirectory() as folder:
        hub = subprocess.Popen([BIN / "cantwin", "bus", "serve", "m.sock", "--udp", GROUPS["can0"]], cwd=folder, stderr=subprocess.PIPE)
        try:
            wait_ready(hub)
            with can.Bus(interface="udp_multicast", channel=GROUPS["can0"], hop_limit=0, fd=True) as bus:
                for name, address, ids, options in CASES:
                    for fd in (False, True):
                        problems = exchange(bus, f"unix:{folder}/m.sock", address, ids, options, fd)
                        report.check(f"isotp_{name}_{'fd' if fd else 'classic'}", problems)
                _, address, ids, options = CASES[0]
                report.check("isotp_python_waits_when_we_hold",
                             exchange(bus, f"unix:{folder}/m.sock", address, ids, options, False, ("--hold", "2")))
        finally:
            hub.terminate()
            hub.wait(TIMEOUT)
            hub.stderr.close()


main()
sys.exit(1 if report.failed else 0)
