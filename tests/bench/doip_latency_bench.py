#!/usr/bin/env python3
"""What the DoIP gateway adds to a request: from the tester's send to its last byte received, against the same exchange as the
bus saw it (first frame of the request to last frame of the response, by the hub's stamps). Single frames (3E 00) and a
segmented answer (60-byte record), 300 of each, one tester on the loopback interface; Python's own time is in the first figure."""

import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from sim_rig import BIN, TIMEOUT, VIN, Vehicle, frames  # noqa: E402

ROUNDS = 300
CONFIG = """vehicle_id: demo
state_dir: state
policy: policy.yaml
buses:
  - {{ name: can0, port: "unix:can0.sock", transmit: true }}
ecus:
  - {{ name: engine, bus: can0, request_id: 0x7E0, response_id: 0x7E8 }}
doip:
  address: 0x1000
  vin: {vin}
  ecus: [ {{ ecu: engine, address: 0x2010 }} ]
"""
POLICY = """transmit: [can0]
frames:
  - { bus: can0, id: 0x7E0, length: 8, rate: 100000, origins: [gateway] }
uds:
  - { ecu: engine, service: 0x22, rate: 100000, origins: [tester] }
  - { ecu: engine, service: 0x3E, rate: 100000, origins: [tester] }
"""


def message(kind, payload):
    return struct.pack(">BBHI", 3, 0xFC, kind, len(payload)) + payload


def receive(tcp):
    head = tcp.recv(8, socket.MSG_WAITALL)
    return struct.unpack(">H", head[2:4])[0], tcp.recv(struct.unpack(">I", head[4:])[0], socket.MSG_WAITALL)


def ask(tcp, request):
    """Seconds until the diagnostic message that answers."""
    begin = time.perf_counter()
    tcp.sendall(message(0x8001, b"\x0E\x80\x20\x10" + request))
    kind = 0
    while kind != 0x8001:
        kind, payload = receive(tcp)
        assert kind != 0x8003, f"nacked {payload.hex()}"
    assert payload[4] == request[0] + 0x40, payload.hex()
    return time.perf_counter() - begin


def on_bus(text):
    """Seconds of each exchange on the bus."""
    begin, end = None, None
    for stamp, _, ident, data, _, _ in frames(text):
        if ident == 0x7E0 and data[0] >> 4 < 2:
            if begin is not None and end is not None:
                yield (end - begin) / 1e6
            begin, end = stamp, None
        elif ident == 0x7E8:
            end = stamp
    if end is not None:
        yield (end - begin) / 1e6


def line(name, total, bus):
    def us(values, share):
        return statistics.quantiles(values, n=100)[share - 1] * 1e6

    print(f"bench doip_latency {name}: through DoIP p50 {us(total, 50):.0f} us p99 {us(total, 99):.0f} us, on the bus p50 "
          f"{us(bus, 50):.0f} us p99 {us(bus, 99):.0f} us, added p50 {us(total, 50) - us(bus, 50):.0f} us")


def main():
    with Vehicle() as vehicle:
        (vehicle.path / "gateway.yaml").write_text(CONFIG.format(vin=VIN), encoding="ascii")
        (vehicle.path / "policy.yaml").write_text(POLICY, encoding="ascii")
        vehicle.start([BIN / "cantwin-gateway", "--config", "gateway.yaml"])
        log = vehicle.path / "bus.log"
        with socket.create_connection(("127.0.0.1", 13400), TIMEOUT) as tcp:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tcp.sendall(message(5, b"\x0E\x80\0\0\0\0\0"))
            assert receive(tcp)[1][4] == 0x10
            for name, request in (("single_frame", b"\x3E\x00"), ("record_of_60_bytes", b"\x22\x01\x60")):
                with log.open("w") as file:
                    dump = subprocess.Popen([BIN / "cantwin", "bus", "dump", "unix:can0.sock"], cwd=vehicle.path, stdout=file)
                    while log.stat().st_size == 0:
                        time.sleep(0.01)
                    total = [ask(tcp, request) for _ in range(ROUNDS)]
                    time.sleep(0.2)
                    dump.terminate()
                    dump.wait(TIMEOUT)
                text = "".join(row for row in log.read_text().splitlines(True) if row.endswith("\n"))
                line(name, total, list(on_bus(text)))
    print("ok doip_latency")
    return 0


if __name__ == "__main__":
    sys.exit(main())
