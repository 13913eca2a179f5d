#!/usr/bin/env python3
"""The gateway on kernel interfaces that misbehave: losses, interfaces that go and come, error frames, a flood.

The test counts what it sends itself, by a raw socket of Python's; the gateway is asked over its status socket. Scale: this
kernel's system calls are slow, so a burst of 8,000 frames stands for a second of a full 1 Mbit/s bus, and floods and stalls
are as long as their frames take. Runs in a kernel with CAN where vcan0 is up (tests/run.sh), as root.
"""
import collections
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, Process, ask_socket, wait_for  # noqa: E402

ROUNDS = 100
CAN_ERR_FLAG = 0x20000000
DBC = """VERSION ""
BU_: ECU
BO_ 291 Engine: 8 ECU
 SG_ Count : 0|32@1+ (1,0) [0|0] "" ECU
"""
CONFIG = """vehicle_id: kernel-test
buses:
  - { name: can0, port: vcan0, dbc: [engine.dbc], fd: true, transmit: false, bitrate: 500000 }
  - { name: can1, port: vcan1, dbc: [engine.dbc], fd: true, transmit: false }
collection: collection.yaml
state_dir: state
status_socket: gateway.sock
"""
DEMO_CONFIG = """vehicle_id: kernel-test
buses:
  - {{ name: can0, port: vcan0, dbc: ["{vehicle}/powertrain.dbc"], transmit: false }}
  - {{ name: can1, port: vcan1, dbc: ["{vehicle}/body.dbc"], fd: true, transmit: false }}
mapping: "{vehicle}/mapping.json"
state_dir: state
status_socket: gateway.sock
"""
FOUR_BUSES = """  - { name: can2, port: vcan2, dbc: [engine.dbc] }
  - { name: can3, port: vcan3, dbc: [engine.dbc] }
"""
COLLECTION = 'signals:\n  - { match: "*", interval_ms: 0, on_change: true, purpose: test }\n'


RTM_NEWLINK, RTM_DELLINK = 16, 17
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_INFO_KIND = 3, 4, 18, 1
IFF_UP = 1


def link(kind, index=0, up=False, flags=0, attributes=b""):
    """One request of rtnetlink (rtnetlink(7)): starting a program a round would take most of the test's time here."""
    body = struct.pack("=BxHiII", 0, 0, index, IFF_UP if up else 0, IFF_UP) + attributes
    request = struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.settimeout(stack.DEADLINE_S)
        kernel.sendto(request, (0, 0))
        error = -struct.unpack_from("=i", kernel.recv(65536), 16)[0]
    if error != 0:
        raise Failure(f"rtnetlink {kind} of interface {index}: {os.strerror(error)}")


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def make(name):
    link(RTM_NEWLINK, up=True, flags=NLM_F_CREATE | NLM_F_EXCL, attributes=attribute(IFLA_IFNAME, name.encode() + b"\0") +
         attribute(IFLA_MTU, struct.pack("=I", 72)) + attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"vcan\0")))


def delete(name):
    link(RTM_DELLINK, socket.if_nametoindex(name))


def set_up(name, up):
    link(RTM_NEWLINK, socket.if_nametoindex(name), up=up)


class Sender:
    """Frames of message Engine with a running count."""

    def __init__(self, interface):
        self.interface = interface
        self.count = 0
        self.open()

    def open(self):
        """Anew: a socket keeps the error of an interface that went."""
        self.socket = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        self.socket.bind((self.interface,))

    def send(self, times=1):
        for _ in range(times):
            self.count += 1
            self.socket.send(struct.pack("=IB3xI4x", 0x123, 8, self.count))

    def error(self, kind, detail=0, tx=0, rx=0):
        self.socket.send(struct.pack("=IB3x8B", CAN_ERR_FLAG | kind, 8, 0, detail, 0, 0, 0, 0, tx, rx))


NOBODY = 65534
NO_RIGHTS = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
             "--no-new-privs"]


class Gateway:
    def __init__(self, config=CONFIG, wrap=(), files=None):
        self.config = config
        self.wrap = list(wrap)
        self.files = {"engine.dbc": DBC, "gateway.yaml": config, "collection.yaml": COLLECTION, **(files or {})}

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cantwin-", dir="/run" if os.path.ismount("/run") else None)
        for name, text in self.files.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        if not os.path.exists("/sys/class/net/vcan1"):
            make("vcan1")
        if self.wrap:
            os.chown(self.folder, NOBODY, NOBODY)
        self.process = Process("gateway", [*self.wrap, os.path.join(stack.BIN, "cantwin-gateway"), "--config", "gateway.yaml"],
                               self.folder)
        self.process.wait_line("ready")
        for i in range(self.config.count("port:")):
            self.process.wait_line(f"bus can{i} is up")
        return self

    def __exit__(self, kind, value, trace):
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, question):
        return ask_socket(os.path.join(self.folder, "gateway.sock"), question)

    def bus(self, name="can0"):
        return next(bus for bus in self.ask({"get": "status"})["buses"] if bus["name"] == name)

    def value(self, name):
        """(value, text) of one entry of the twin."""
        found = self.ask({"get": "twin", "match": name})
        return found.get("value"), found.get("text")

    def wait_bus(self, what, condition, name="can0"):
        def seen():
            bus = self.bus(name)
            return bus if condition(bus) else None
        return wait_for(what, seen)

    def descriptors(self):
        """What it has open but for files, of which the outbox opens and closes some: (kind, how many) of each."""
        folder = f"/proc/{self.process.process.pid}/fd"
        kinds = collections.Counter()
        for number in os.listdir(folder):
            try:
                kinds[os.readlink(os.path.join(folder, number)).partition(":[")[0]] += 1
            except FileNotFoundError:  # closed since
                pass
        return {kind: count for kind, count in kinds.items() if not kind.startswith("/")}

    def expect_descriptors(self, before):
        def no_more():
            now = self.descriptors()
            return all(count <= before.get(kind, 0) for kind, count in now.items())
        try:
            wait_for("no more descriptors", no_more)
        except Failure:
            raise Failure(f"descriptors were {before}, are {self.descriptors()}") from None

    def said(self, text):
        return any(text in line for line in self.process.lines)


def burst_is_read_whole():
    with Gateway() as gateway:
        sender = Sender("vcan0")
        sender.send(8000)
        bus = gateway.wait_bus("all frames", lambda b: b["decoded"] >= 8000)
        if bus["lost"] != 0 or bus["decoded"] != 8000 or gateway.value("can0.Engine.Count")[0] != 8000:
            raise Failure(str(bus))
        # The bit rate is configured, so there is a load.
        wait_for("a bus load", lambda: gateway.value("bus.can0.BusLoad")[0] is not None)


def overflow_is_counted_exactly():
    with Gateway() as gateway:
        sender = Sender("vcan0")
        sender.send(10)
        gateway.wait_bus("the first frames", lambda b: b["decoded"] == 10)
        gateway.process.freeze()
        sender.send(40000)  # 8 MiB hold about half of them
        gateway.process.signal(signal.SIGCONT)
        bus = gateway.wait_bus("every frame read or lost", lambda b: b["decoded"] + b["lost"] >= 40010)
        if bus["decoded"] + bus["lost"] != 40010 or bus["lost"] < 1000:
            raise Failure(f"sent 40010, read {bus['decoded']}, lost {bus['lost']}")
        wait_for("the loss in the twin", lambda: gateway.value("bus.can0.FramesLost")[0] == bus["lost"])
        gateway.process.wait_line("frames were lost before they could be read")
        sender.send(5)
        after = gateway.wait_bus("frames after the loss", lambda b: b["decoded"] >= bus["decoded"] + 5)
        if after["lost"] != bus["lost"]:
            raise Failure(f"more lost: {after}")


def four_buses_lose_nothing():
    """4 x 2,000 frames, in turn, as fast as this kernel takes them."""
    names = [f"vcan{i}" for i in range(4)]
    for name in names[1:]:
        if not os.path.exists(f"/sys/class/net/{name}"):
            make(name)
    with Gateway(config=CONFIG.replace("collection:", FOUR_BUSES + "collection:")) as gateway:
        senders = [Sender(name) for name in names]
        for _ in range(200):
            for sender in senders:
                sender.send(10)
        for i in range(4):
            bus = gateway.wait_bus("all frames", lambda b: b["decoded"] + b["lost"] >= 2000, name=f"can{i}")
            if (bus["decoded"], bus["lost"]) != (2000, 0):
                raise Failure(str(bus))


def down_and_up_100_times():
    with Gateway() as gateway:
        sender = Sender("vcan0")
        sender.send()
        gateway.wait_bus("the first frame", lambda b: b["decoded"] == 1)
        before = None
        for i in range(ROUNDS):
            set_up("vcan0", False)
            gateway.wait_bus("down", lambda b: not b["up"])
            set_up("vcan0", True)
            gateway.wait_bus("up", lambda b: b["up"])
            sender.open()
            sender.send()
            gateway.wait_bus(f"the frame of round {i}", lambda b, n=i: b["decoded"] == n + 2)
            before = before or gateway.descriptors()
        gateway.expect_descriptors(before)


def deleted_and_made_again_100_times():
    with Gateway() as gateway:
        sender = Sender("vcan0")
        sender.send()
        gateway.wait_bus("the first frame", lambda b: b["decoded"] == 1)
        before = None
        for i in range(ROUNDS):
            if i % 2 == 0:
                delete("vcan0")
                gateway.wait_bus("down", lambda b: not b["up"])
                make("vcan0")
            else:  # back before anybody can have looked
                delete("vcan0")
                make("vcan0")
            sender.open()
            read = gateway.bus()["decoded"]

            def data_is_back(n=read):
                sender.send()
                return gateway.bus()["decoded"] > n
            wait_for(f"data in round {i}", data_is_back)
            before = before or gateway.descriptors()
        gateway.expect_descriptors(before)


CAN_HEALTH = "Vehicle.ControlUnit.Central.Health.Network.CAN."


def expect_vss(gateway, state, counters, counts):
    """The demo's mapping: VSS 6's one answer for all buses, and beside it what VSS has no names for."""
    wanted = {"IsNetworkOK": state in ("error-active", "error-warning"), "Can0.ControllerState": state}
    wanted.update(zip(("Can0.BusOffCount", "Can0.RestartCount", "Can0.ErrorFrameCount"), counts))
    if counters is not None:
        wanted.update(zip(("Can0.TransmitErrorCounter", "Can0.ReceiveErrorCounter"), counters))
    found = {}

    def as_wanted():
        found.update((name, gateway.value(CAN_HEALTH + name)[0]) for name in wanted)
        return found == wanted
    try:
        wait_for("VSS names", as_wanted)
    except Failure:
        raise Failure(f"{state}: {found} instead of {wanted}") from None


def controller_states_reach_the_twin():
    rows = [  # error class, controller detail, counters, state
        (0x204, 0x08, 96, 3, "error-warning"), (0x204, 0x20, 128, 3, "error-passive"), (0x040, 0, 0, 0, "bus-off"),
        (0x100, 0, 0, 0, "error-active"), (0x204, 0x10, 7, 130, "error-passive"), (0x204, 0x40, 7, 90, "error-active")]
    with Gateway(DEMO_CONFIG.format(vehicle=os.path.join(stack.SOURCE, "sim/vehicle"))) as gateway:
        sender = Sender("vcan0")
        if gateway.value(CAN_HEALTH + "IsNetworkOK")[0] is not None:
            raise Failure("an answer before anything is known of a controller")
        for i, (kind, detail, tx, rx, state) in enumerate(rows):
            sender.error(kind, detail, tx, rx)
            gateway.wait_bus(state, lambda b, s=state: b["state"] == s)
            wait_for(f"{state} in the twin", lambda s=state: gateway.value("bus.can0.ControllerState")[1] == s)
            if kind == 0x204 and (gateway.value("bus.can0.TxErrorCounter")[0], gateway.value("bus.can0.RxErrorCounter")[0]) != (tx, rx):
                raise Failure(f"counters of {state}: {gateway.bus()}")
            expect_vss(gateway, state, (tx, rx) if kind == 0x204 else None, (int(i >= 2), int(i >= 3), i + 1))
        bus = gateway.bus()
        if (bus["bus_offs"], bus["restarts"], bus["error"]) != (1, 1, len(rows)):
            raise Failure(str(bus))
        gateway.process.wait_line("controller is bus-off")
        if gateway.value("bus.can1.ControllerState")[1] is not None:
            raise Failure("the other bus has a state too")
        # One bad controller is enough for the whole to be bad, and a good one does not hide it.
        other = Sender("vcan1")
        other.error(0x040)
        wait_for("a network with one controller off", lambda: gateway.value(CAN_HEALTH + "IsNetworkOK")[0] is False)
        sender.error(0x204, 0x40, 0, 0)
        gateway.wait_bus("the good controller's word", lambda b: b["error"] == len(rows) + 1)
        wait_for("its counters", lambda: gateway.value("bus.can0.RxErrorCounter")[0] == 0)
        if gateway.value(CAN_HEALTH + "IsNetworkOK")[0] is not False:
            raise Failure("a controller is off, and the network is well")
        other.error(0x100)
        wait_for("a network that is well again", lambda: gateway.value(CAN_HEALTH + "IsNetworkOK")[0] is True)


def error_flood_is_limited_and_harms_no_other_bus():
    with Gateway() as gateway:
        sender, other = Sender("vcan0"), Sender("vcan1")
        for _ in range(100):
            for _ in range(100):
                sender.error(0x088)
            other.send()
        sender.error(0x040)
        bus = gateway.wait_bus("bus-off behind the flood", lambda b: b["state"] == "bus-off")
        if not 200 < bus["error"] < 9000:  # 10,001 were sent, faster than 200 a second
            raise Failure(str(bus))
        gateway.wait_bus("the other bus's frames", lambda b: b["decoded"] == 100, name="can1")
        # The mute ends: bus errors are told again.
        def told_again():
            sender.error(0x088)
            return gateway.bus()["error"] > bus["error"]
        wait_for("bus errors after the flood", told_again)


def without_any_right_it_works_and_recovers():
    """As its unit runs it: nobody, no capability in any set. Only the receive buffer is what the kernel allows, and that is told."""
    with Gateway(wrap=NO_RIGHTS) as gateway:
        with open(f"/proc/{gateway.process.process.pid}/status", encoding="ascii") as file:
            rights = dict(line.split(":\t") for line in file.read().splitlines() if line.startswith(("Cap", "Uid", "NoNewPrivs")))
        if any(int(value, 16) != 0 for name, value in rights.items() if name.startswith("Cap")) or rights["Uid"].split()[1] != str(NOBODY):
            raise Failure(f"it has rights: {rights}")
        gateway.process.wait_line("net.core.rmem_max")
        sender = Sender("vcan0")
        sender.send(100)
        gateway.wait_bus("frames", lambda b: b["decoded"] == 100)
        sender.error(0x204, 0x20, 128, 3)
        gateway.wait_bus("an error frame", lambda b: b["state"] == "error-passive")
        for change in ((set_up, "vcan0", False), (set_up, "vcan0", True), (delete, "vcan0"), (make, "vcan0")):
            change[0](*change[1:])
            up = change[-1] is True or change[0] is make
            gateway.wait_bus(f"up {up}", lambda b, wanted=up: b["up"] == wanted)
        sender.open()
        sender.send(100)
        gateway.wait_bus("frames of the new interface", lambda b: b["decoded"] == 200)


def flooded_bus_does_not_delay_another():
    """While thousands of frames of one bus wait, another bus gets as many frames of each turn: whenever it is looked at, it is
    either finished or at most a turn (64 frames) behind."""
    with Gateway() as gateway:
        flood, other = Sender("vcan0"), Sender("vcan1")
        flood.send()
        other.send()
        gateway.wait_bus("the first frames", lambda b: b["decoded"] == 1, name="can1")
        gateway.process.freeze()
        flood.send(15000)
        other.send(2000)
        gateway.process.signal(signal.SIGCONT)
        looks = 0
        while True:
            buses = {bus["name"]: bus["decoded"] for bus in gateway.ask({"get": "status"})["buses"]}
            looks += buses["can1"] < 2001
            if buses["can1"] < min(2001, buses["can0"] - 64):
                raise Failure(f"the other bus waits: {buses}")
            if buses["can0"] >= 15001:
                break
        if buses["can1"] != 2001:
            raise Failure(str(buses))
        print(f"# looked {looks} times while both were behind")


def kernels_own_routes_are_told():
    """can-utils' cangw makes the kernel carry frames past us."""
    if not os.path.exists("/sys/class/net/vcan1"):
        make("vcan1")
    with Gateway() as gateway:
        check = [os.path.join(stack.BIN, "cantwin-gateway"), "--config", "gateway.yaml", "--check-config"]
        for rules in range(3):
            done = subprocess.run(check, cwd=gateway.folder, capture_output=True, text=True, timeout=stack.DEADLINE_S, check=False)
            told = f"by {rules} rules of its own" in done.stderr
            if done.returncode != 0 or told != (rules > 0):
                raise Failure(f"with {rules} rules: {done.returncode} {done.stderr}")
            if rules < 2:
                subprocess.run(["cangw", "-A", "-s", "vcan0", "-d", "vcan1", "-e", "-f", f"{rules + 1}:7FF"], check=True)
        subprocess.run(["cangw", "-F"], check=True)


def unsent_by_a_bus_without_transmit_is_nothing():
    with Gateway() as gateway:
        Sender("vcan0").send()
        bus = gateway.wait_bus("the frame", lambda b: b["decoded"] == 1)
        if (bus["sent"], bus["unsent"], bus["refused"]) != (0, 0, 0):
            raise Failure(str(bus))


CASES = [burst_is_read_whole, four_buses_lose_nothing, overflow_is_counted_exactly, down_and_up_100_times,
         deleted_and_made_again_100_times, controller_states_reach_the_twin,
         error_flood_is_limited_and_harms_no_other_bus, without_any_right_it_works_and_recovers,
         flooded_bus_does_not_delay_another, kernels_own_routes_are_told, unsent_by_a_bus_without_transmit_is_nothing]
if __name__ == "__main__":
    wanted = sys.argv[1:]
    stack.finish([stack.case(function.__name__, function) for function in CASES if not wanted or function.__name__ in wanted])
