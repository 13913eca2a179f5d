#!/usr/bin/env python3
"""What the gateway tells of CAN controllers, on kernel interfaces: frames that were sent and never carried, the bus load,
controllers that stay off after a bus-off or go off again and again.

An interface whose driver echoes (vcan with its parameter `echo`, as every real controller's does) tells that a frame was
carried; a queueing discipline that drops everything (netem) between socket and driver is a bus that carries nothing. slcan has a
bit rate of its own. Runs in a kernel with CAN where vcan0 is up (tests/run.sh), as root.
"""
import json
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from gateway_test import CONFIG, Gateway, Sender  # noqa: E402
from slcan import Slcan  # noqa: E402
from stack import Failure, wait_for  # noqa: E402

IFF_ECHO = 1 << 18  # <linux/if.h>
ASKING = """vehicle_id: kernel-test
buses:
  - { name: can0, port: vcan0, dbc: [engine.dbc], transmit: true }
ecus:
  - { name: engine, bus: can0, request_id: 0x7E0, response_id: 0x7E8 }
policy: policy.yaml
state_dir: state
status_socket: gateway.sock
"""
POLICY = """transmit: [can0]
frames:
  - { bus: can0, id: 0x7E0, mask: 0x7FF, length_min: 8, length_max: 8, rate: 100, origins: [gateway] }
uds:
  - { ecu: engine, service: 0x22, first: 0x0000, last: 0xFFFF, release: false, rate: 100, origins: [local] }
"""


class Deaf:
    """vcan0 takes every frame and carries none."""

    def __enter__(self):
        subprocess.run(["tc", "qdisc", "add", "dev", "vcan0", "root", "netem", "loss", "100%"], check=True)

    def __exit__(self, kind, value, trace):
        subprocess.run(["tc", "qdisc", "del", "dev", "vcan0", "root"], check=True)


def ask_ecu(gateway, request):
    """The final word about a diagnostic request over the local socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(stack.DEADLINE_S)
        client.connect(os.path.join(gateway.folder, "gateway.sock"))
        client.sendall(json.dumps({"uds": request, "ecu": "engine"}).encode() + b"\n")
        for line in client.makefile():
            answer = json.loads(line)
            if "error" in answer:
                raise Failure(str(answer))
            if answer["final"]:
                return answer
    raise Failure("no answer")


def vcan_echoes():
    with open("/sys/class/net/vcan0/flags", encoding="ascii") as file:
        return int(file.read(), 16) & IFF_ECHO != 0


def frames_never_carried_are_told():
    with Gateway(ASKING, files={"policy.yaml": POLICY}) as gateway:
        silent = ask_ecu(gateway, "22F190")
        bus = gateway.bus()
        if silent["reason"] != "no-response" or (bus["sent"], bus["confirmed"], bus["unconfirmed"]) != (1, 1, 0):
            raise Failure(f"a silent ECU: {silent}, {bus}")
        with Deaf():
            for i in range(2):
                dead = ask_ecu(gateway, "22F190")
                if (dead["state"], dead["reason"]) != ("failed", "not-confirmed"):
                    raise Failure(f"a dead bus: {dead}")
            bus = gateway.wait_bus("two frames without confirmation", lambda b: b["unconfirmed"] == 2)
            if (bus["sent"], bus["confirmed"]) != (3, 1):
                raise Failure(str(bus))
            wait_for("them in the twin", lambda: gateway.value("bus.can0.FramesUnconfirmed")[0] == 2)
            gateway.process.wait_line("were sent and not carried in time")
        silent = ask_ecu(gateway, "22F190")
        bus = gateway.bus()
        if silent["reason"] != "no-response" or (bus["confirmed"], bus["unconfirmed"]) != (2, 2):
            raise Failure(f"carried again: {silent}, {bus}")


# ---- bus load

def bits(extended, length):
    """ISO 11898-1:2015, 10.4: a classic data frame, intermission included; stuff bits as half of the most there can be (10.5:
    one behind five equal bits, and that one may begin the next five)."""
    stuffed = (1 + 29 + 2 + 1 + 2 if extended else 1 + 11 + 1 + 1 + 1) + 4 + 8 * length + 15
    return stuffed + (1 + 1 + 1 + 7 + 3) + ((stuffed - 1) // 4) / 2


def load_rows(gateway):
    """(value, t_ns) of each change of the load; first what it was, which ends the gateway's first window."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(stack.DEADLINE_S)
    client.connect(os.path.join(gateway.folder, "gateway.sock"))
    client.sendall(b'{"watch":"bus.can0.BusLoad"}\n')
    row = wait_for("the first window", lambda: [r for r in [gateway.ask({"get": "twin", "match": "bus.can0.BusLoad"})]
                                                if r["value"] is not None])[0]
    yield row["value"], row["t_ns"]
    last = row["t_ns"]
    for line in client.makefile():
        row = json.loads(line)
        if row["t_ns"] > last:
            last = row["t_ns"]
            yield row["value"], row["t_ns"]


def expect_load(gateway, interface, bitrate):
    """Percent times length, over all windows, is how long the frames take: known exactly, whatever the windows are."""
    frames = [(0x123, 8), (0x18DAF110 | socket.CAN_EFF_FLAG, 3)] * 20
    wanted_s = 20 * (bits(False, 8) + bits(True, 3)) / bitrate
    rows = load_rows(gateway)
    _, start = next(rows)
    with socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as sender:
        sender.bind((interface,))
        for ident, length in frames:
            sender.send(struct.pack("=IB3x8s", ident, length, b"12345678"[:length]))
    busy_s, end = 0, start
    for percent, t_ns in rows:
        busy_s += percent / 100 * (t_ns - end) / 1e9
        end = t_ns
        if percent == 0:
            break
    # The twin has tenths of a percent.
    if abs(busy_s - wanted_s) > 0.0005 * (end - start) / 1e9 + 1e-6:
        raise Failure(f"busy for {busy_s} s instead of {wanted_s} s in {(end - start) / 1e9} s at {bitrate} bit/s")
    print(f"# busy for {busy_s:.4f} s of {(end - start) / 1e9:.3f} s, by the frames {wanted_s:.4f} s")


def load_by_the_configured_bit_rate():
    with Gateway(CONFIG.replace("bitrate: 500000", "bitrate: 10000")) as gateway:
        expect_load(gateway, "vcan0", 10000)
        if gateway.value("bus.can1.BusLoad")[0] is not None:
            raise Failure("a load of a bus whose bit rate nobody knows")


def load_by_the_interfaces_bit_rate():
    with Slcan(20000) as slcan:
        with Gateway(CONFIG.replace("vcan0", slcan.name).replace(", bitrate: 500000", "").replace("fd: true", "fd: false")) as gateway:
            expect_load(gateway, slcan.name, 20000)


# ---- bus-off

def interface_that_stays_off_is_warned_of():
    """slcan knows no restart; of a vcan, which has no controller, nothing is said."""
    with Slcan(500000) as slcan:
        with Gateway(CONFIG.replace("vcan0", slcan.name).replace("fd: true", "fd: false")) as gateway:
            gateway.process.wait_line(f"warning: bus can0: {slcan.name} has restart-ms 0")
            if gateway.said("bus can1: vcan1 has restart-ms"):
                raise Failure("warned of vcan1")
            check = [os.path.join(stack.BIN, "cantwin-gateway"), "--config", "gateway.yaml", "--check-config"]
            done = subprocess.run(check, cwd=gateway.folder, capture_output=True, text=True, timeout=stack.DEADLINE_S, check=False)
            if done.returncode != 0 or f"bus can0: {slcan.name} has restart-ms 0" not in done.stderr or "vcan1 has" in done.stderr:
                raise Failure(f"--check-config: {done.returncode} {done.stderr}")


def many_bus_offs_are_an_alarm():
    with Gateway() as gateway:
        sender = Sender("vcan0")
        count = 5
        for _ in range(count):
            sender.error(0x040)
            sender.error(0x100)
        gateway.wait_bus("five bus-offs", lambda b: (b["bus_offs"], b["restarts"]) == (count, count))
        if gateway.said("bus-offs within a minute"):
            raise Failure("an alarm after five")
        sender.error(0x040)
        gateway.process.wait_line("more than 5 bus-offs within a minute")


CASES = [frames_never_carried_are_told, load_by_the_configured_bit_rate, load_by_the_interfaces_bit_rate,
         interface_that_stays_off_is_warned_of, many_bus_offs_are_an_alarm]
if __name__ == "__main__":
    wanted = sys.argv[1:]
    if not vcan_echoes():
        print("skip frames_never_carried_are_told: vcan0 does not echo (it does with vcan.echo=1)")
        CASES.remove(frames_never_carried_are_told)
    stack.finish([stack.case(function.__name__, function) for function in CASES if not wanted or function.__name__ in wanted])
