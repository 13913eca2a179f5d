#!/usr/bin/env python3
"""Routing between two kernel interfaces, kernel receive filters, an interface that is missing at the start, and a
controller that is bus-off. Both sides are raw sockets of Python's; the gateway is asked over its status socket. Runs in
a kernel with CAN where vcan0 is up (tests/run.sh), as root.
"""
import os
import shutil
import socket
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from gateway_test import Gateway, Sender, delete, make  # noqa: E402
from stack import Failure, Process, wait_for  # noqa: E402

DBC = 'BU_: E\nBO_ 291 Engine: 8 E\n SG_ Count : 0|32@1+ (1,0) [0|0] "" E\n'
CONFIG = """vehicle_id: kernel-test
buses:
  - {{ name: can0, port: vcan0, dbc: [engine.dbc], fd: true, receive: {receive} }}
  - {{ name: can1, port: {second}, fd: false, transmit: true }}
ecus:
  - {{ name: engine, bus: can0, request_id: 0x7E0, response_id: 0x7E8 }}
policy: policy.yaml
routes: routes.yaml
state_dir: state
status_socket: gateway.sock
"""
ROUTES = "routes:\n  - { from: can0, to: can1, id: 0x100, mask: 0x7F0, rate: 1000000 }\n"
POLICY = """transmit: [can1]
frames:
  - { bus: can1, id: 0x100, mask: 0x7F8, length_min: 0, length_max: 8, rate: 1000000, origins: [route] }
"""


class Routed(Gateway):
    """A gateway between vcan0 and another interface."""

    def __init__(self, receive="all", dbc=DBC, second="vcan1", up=2):
        super().__init__(CONFIG.format(receive=receive, second=second))
        self.files = {"engine.dbc": dbc, "gateway.yaml": self.config, "routes.yaml": ROUTES, "policy.yaml": POLICY}
        self.up = up

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cantwin-", dir="/run" if os.path.ismount("/run") else None)
        for name, text in self.files.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        if not os.path.exists("/sys/class/net/vcan1"):
            make("vcan1")
        self.process = Process("gateway", [os.path.join(stack.BIN, "cantwin-gateway"), "--config", "gateway.yaml"], self.folder)
        self.process.wait_line("ready")
        for i in range(self.up):
            self.process.wait_line(f"bus can{i} is up")
        return self

    def __exit__(self, kind, value, trace):
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def raw(interface, fd=True):
    own = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    own.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FD_FRAMES, 1 if fd else 0)
    own.bind((interface,))
    own.settimeout(stack.DEADLINE_S)
    return own


def classic(ident, data):
    return struct.pack("=IB3x8s", ident, len(data), data)


def flexible(ident, data):
    return struct.pack("=IBB2x64s", ident, len(data), 0, data)


def routed_frames_are_those_of_both_tables():
    with Routed(), raw("vcan0") as sender, raw("vcan1") as receiver:
        wanted = []
        for i in range(300):
            ident = 0xF8 + i % 32  # 0x100..0x10F have a route, 0x100..0x107 the policy too
            frame = (flexible if i % 7 == 0 else classic)(ident, struct.pack("=I", i))
            sender.send(frame)
            if 0x100 <= ident <= 0x107 and i % 7 != 0:
                wanted.append(frame)
        end = classic(0x100, b"the end")
        sender.send(end)
        got = [receiver.recv(72)]
        while got[-1] != end:
            got.append(receiver.recv(72))
        if got[:-1] != wanted:
            raise Failure(f"{len(got) - 1} frames instead of {len(wanted)}")
        receiver.send(classic(0x100, b"back"))  # no route back
        sender.settimeout(0.2)
        try:
            raise Failure(f"came back: {sender.recv(72)!r}")
        except TimeoutError:
            pass


def filters_of(interface):
    """Ids and masks the kernel filters by on an interface, in every of its lists."""
    found = set()
    for name in ("rcvlist_fil", "rcvlist_sff", "rcvlist_eff", "rcvlist_all"):
        with open(f"/proc/net/can/{name}", encoding="ascii") as file:
            for line in file:
                words = line.split()
                if len(words) > 3 and words[0] == interface:
                    found.add((name, words[1], words[2]))
    return found


def count_after(gateway, sender, idents):
    """Sends frames, then one that is decoded; (frames, unknown) when that has come."""
    before = gateway.bus()["decoded"]
    for ident in idents:
        sender.send(classic(ident, b"12345678"))
    sender.send(classic(0x123, b"12345678"))
    bus = gateway.wait_bus("the last frame", lambda b: b["decoded"] > before)
    return bus["frames"], bus["unknown"]


def kernel_hands_over_what_is_needed():
    idents = [0x123, 0x200, 0x105, 0x7E8, 0x7E0, 0x124]
    with Routed(receive="needed") as gateway, raw("vcan0") as sender:
        # The message, the ECU's response and the route.
        wanted = {("123", "c00007ff"), ("7e8", "c00007ff"), ("100", "c00007f0")}
        found = {(ident, mask) for _, ident, mask in filters_of("vcan0")}
        if not wanted <= found:
            raise Failure(f"the kernel filters by {sorted(found)}")
        frames = count_after(gateway, sender, idents)
        if frames != (4, 2):  # 0x123 twice; 0x105 and 0x7E8 are in no database
            raise Failure(f"frames and unknown ones: {frames}")
    with Routed() as gateway, raw("vcan0") as sender:
        frames = count_after(gateway, sender, idents)
        if frames != (7, 5):
            raise Failure(f"without filters, frames and unknown ones: {frames}")


def more_than_512_ids_are_all_received():
    many = "BU_: E\n" + "".join(f'BO_ {i} M{i}: 8 E\n SG_ S{i} : 0|8@1+ (1,0) [0|0] "" E\n' for i in range(0x123, 0x123 + 511))
    with Routed(receive="needed", dbc=many) as gateway, raw("vcan0") as sender:  # and response and route: 513
        if not gateway.said("everything is received: more than 512 ids are needed"):
            raise Failure("nothing was said")
        if count_after(gateway, sender, [0x7FF]) != (2, 1):
            raise Failure(str(gateway.bus()))


def missing_interface_is_waited_for():
    if os.path.exists("/sys/class/net/vcan9"):
        delete("vcan9")
    with Routed(second="vcan9", up=1) as gateway, raw("vcan0") as sender:
        if not gateway.said("interface vcan9 is missing or down") or gateway.bus("can1")["up"]:
            raise Failure("the missing interface is not said to be missing")
        gateway.process.wait_line("bus can1 is down")
        count_after(gateway, sender, [0x100])  # the other bus works
        make("vcan9")
        gateway.process.wait_line("bus can1 is up")
        with raw("vcan9") as receiver:
            sender.send(classic(0x101, b"hello"))
            if receiver.recv(72) != classic(0x101, b"hello"):
                raise Failure("not routed to the new interface")
        delete("vcan9")


def controller_that_is_off_is_sent_nothing():
    with Routed() as gateway, raw("vcan0") as sender, raw("vcan1") as receiver:
        other = Sender("vcan1")
        other.error(0x40)  # CAN_ERR_BUSOFF
        gateway.wait_bus("bus-off", lambda b: b["state"] == "bus-off", "can1")
        for i in range(5):
            sender.send(classic(0x100, bytes([i])))
        bus = gateway.wait_bus("unsent frames", lambda b: b["unsent"] == 5, "can1")
        if bus["sent"] != 0:
            raise Failure(str(bus))
        other.error(0x100)  # CAN_ERR_RESTARTED
        gateway.wait_bus("the restart", lambda b: b["state"] == "error-active", "can1")
        sender.send(classic(0x100, b"again"))
        frame = receiver.recv(72)
        while struct.unpack_from("=I", frame)[0] & 0x20000000:
            frame = receiver.recv(72)
        if frame != classic(0x100, b"again"):
            raise Failure(f"{frame!r}")


CASES = [routed_frames_are_those_of_both_tables, kernel_hands_over_what_is_needed, more_than_512_ids_are_all_received,
         missing_interface_is_waited_for, controller_that_is_off_is_sent_nothing]

if __name__ == "__main__":
    wanted_cases = sys.argv[1:]
    stack.finish([stack.case(function.__name__, function) for function in CASES
                  if not wanted_cases or function.__name__ in wanted_cases])
