#!/usr/bin/env python3
"""can-isotp as ECUs behind the running gateway, in every addressing mode of `ecus`, classic and CAN FD: a local client's request
and the ECU's 300-byte answer arrive whole.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import json
import socket
import subprocess
import sys
import tempfile
import threading

from sim_rig import BIN, GROUPS, TIMEOUT, Report, wait_ready

try:
    import can
    import isotp
    from isotp import AddressingMode as Mode
except ImportError as missing:
    print(f"skip gateway_addressing: {missing}")
    sys.exit(0)

report = Report()
RECORD = bytes(range(256)) + b"\x55" * 41
POLICY = """transmit: [can0]
frames:
  - { bus: can0, id: 0, mask: 0, extended: false, length_min: 8, length_max: 64, rate: 1000, origins: [gateway] }
  - { bus: can0, id: 0, mask: 0, extended: true, length_min: 8, length_max: 64, rate: 1000, origins: [gateway] }
uds:
  - { ecu: "*", service: 0x22, rate: 1000, origins: [local] }
"""

# name, the ECU's address as can-isotp knows it (transmit: answers), keys of `ecus`
CASES = [
    ("normal_29", isotp.Address(Mode.Normal_29bits, txid=0x12345679, rxid=0x12345678),
     {"request_id": 0x12345678, "response_id": 0x12345679}),
    ("normal_fixed", isotp.Address(Mode.NormalFixed_29bits, target_address=0xF1, source_address=0x10),
     {"request_id": 0x18DA10F1, "response_id": 0x18DAF110, "addressing": "normal-fixed"}),
    ("extended_11", isotp.Address(Mode.Extended_11bits, txid=0x612, rxid=0x6F1, target_address=0xF1, source_address=0x12),
     {"request_id": 0x6F1, "response_id": 0x612, "addressing": "extended", "request_byte": 0x12, "response_byte": 0xF1}),
    ("extended_29", isotp.Address(Mode.Extended_29bits, txid=0x1234561, rxid=0x1234560, target_address=0xF1, source_address=0x12),
     {"request_id": 0x1234560, "response_id": 0x1234561, "addressing": "extended", "request_byte": 0x12, "response_byte": 0xF1}),
    ("mixed_11", isotp.Address(Mode.Mixed_11bits, txid=0x702, rxid=0x701, address_extension=0x99),
     {"request_id": 0x701, "response_id": 0x702, "addressing": "mixed-11", "request_byte": 0x99, "response_byte": 0x99}),
    ("mixed_29", isotp.Address(Mode.Mixed_29bits, target_address=0xF1, source_address=0x20, address_extension=0x99),
     {"request_id": 0x18CE20F1, "response_id": 0x18CEF120, "addressing": "mixed-29", "request_byte": 0x99, "response_byte": 0x99}),
]
if hasattr(isotp, "AsymmetricAddress"):
    CASES.append(("asymmetric", isotp.AsymmetricAddress(
        tx_addr=isotp.Address(Mode.NormalFixed_29bits, target_address=0xF1, source_address=0x33, tx_only=True),
        rx_addr=isotp.Address(Mode.Normal_11bits, rxid=0x123, rx_only=True)),
        {"request_id": 0x123, "response_id": 0x18DAF133, "response_addressing": "normal-fixed"}))


def config(fd):
    ecus = [{"name": name, "bus": "can0", "fd": fd, **keys} for name, _, keys in CASES]
    return json.dumps({"vehicle_id": "toy", "state_dir": f"state-{fd}", "policy": "policy.yaml", "status_socket": "g.sock",
                       "buses": [{"name": "can0", "port": "unix:can0.sock", "fd": True, "transmit": True}], "ecus": ecus})


def answer(stack, heard):
    request = stack.recv(block=True, timeout=TIMEOUT)
    heard.append(request)
    if request is not None:
        stack.send(b"\x62" + bytes(request[1:3]) + RECORD)


def exchange(folder, bus, name, address, fd):
    """Asks by the status socket while can-isotp plays the ECU."""
    # 2,047 identifiers, the longest request there is, where frames are long; else 51: segmented too
    request = bytes((0x22, 0x01, 0x60)) + b"".join((2 * i).to_bytes(2, "big") for i in range(2046 if fd else 50))
    heard = []
    stack = isotp.CanStack(bus=bus, address=address, params={
        "can_fd": fd, "tx_data_length": 64 if fd else 8, "tx_padding": 0xAA, "blocksize": 8, "stmin": 0, "max_frame_size": 4095})
    stack.start()
    ecu = threading.Thread(target=answer, args=(stack, heard))
    ecu.start()
    try:
        with socket.socket(socket.AF_UNIX) as local, local.makefile("rw") as stream:
            local.settimeout(TIMEOUT)
            local.connect(f"{folder}/g.sock")
            stream.write(json.dumps({"uds": request.hex(), "ecu": name}) + "\n")
            stream.flush()
            status = {}
            while not status.get("final") and "error" not in status:
                status = json.loads(stream.readline())
    finally:
        ecu.join(TIMEOUT)
        stack.stop()
    wanted = (request, b"\x62\x01\x60" + RECORD)
    got = (bytes(heard[0]) if heard and heard[0] else None, bytes.fromhex(status.get("response", "")))
    return [] if got == wanted else [f"{status}: {got!r}"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/policy.yaml", "w", encoding="ascii") as file:
            file.write(POLICY)
        hub = subprocess.Popen([BIN / "cantwin", "bus", "serve", "can0.sock", "--udp", GROUPS["can0"]], cwd=folder, stderr=subprocess.PIPE)
        gateway = None
        try:
            wait_ready(hub)
            for fd in (False, True):
                with open(f"{folder}/gateway.yaml", "w", encoding="ascii") as file:
                    file.write(config(fd))
                gateway = subprocess.Popen([BIN / "cantwin-gateway", "--config", "gateway.yaml"], cwd=folder, stderr=subprocess.PIPE)
                wait_ready(gateway)
                with can.Bus(interface="udp_multicast", channel=GROUPS["can0"], hop_limit=0, fd=True) as bus:
                    for name, address, _ in CASES:
                        report.check(f"gateway_addressing_{name}_{'fd' if fd else 'classic'}", exchange(folder, bus, name, address, fd))
                gateway.terminate()
                gateway.wait(TIMEOUT)
                gateway.stderr.close()
                gateway = None
        finally:
            for process in (gateway, hub):
                if process is not None:
                    process.terminate()
                    process.wait(TIMEOUT)
                    process.stderr.close()


main()
sys.exit(1 if report.failed else 0)
