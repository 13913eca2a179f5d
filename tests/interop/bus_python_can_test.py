#!/usr/bin/env python3
"""python-can and cantools join the bridged bus: they see our frames, we see theirs.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace). One line per
case: `ok NAME`, `not ok NAME: why` or `skip NAME: why`; exit status 1 when a case failed.
"""
import os
import select
import subprocess
import sys
import tempfile
import time

ROOT = os.environ.get("CANTWIN_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CANTWIN = os.path.join(os.environ.get("CANTWIN_BIN", os.path.join(ROOT, "build", "test", "bin")), "cantwin")
GROUP = "239.74.163.2"
TIMEOUT = 20

DBC = """VERSION ""
BU_: ECU
BO_ 291 ENGINE: 8 ECU
 SG_ RPM : 7|16@0+ (0.25,0) [0|16383.75] "rpm" ECU
 SG_ TEMP : 16|8@1+ (1,-40) [-40|215] "C" ECU
"""

try:
    import can
    import cantools
except ImportError as error:
    print(f"skip bus_python_can: {error}")
    sys.exit(0)


def message(arbitration_id, data=b"", **kind):
    kind.setdefault("is_extended_id", arbitration_id > 0x7FF)
    return can.Message(arbitration_id=arbitration_id, data=data, **kind)


# What is sent, as cansend writes it and as python-can holds it.
FRAMES = {
    "classic": ("123#1122334455667788", message(0x123, bytes.fromhex("1122334455667788"))),
    "empty": ("7FF#", message(0x7FF)),
    "extended": ("18DA10F1#021003", message(0x18DA10F1, bytes.fromhex("021003"))),
    "extended_small_id": ("00000123#01", message(0x123, b"\x01", is_extended_id=True)),
    "fd_brs": ("456##1" + "A5" * 64, message(0x456, b"\xa5" * 64, is_fd=True, bitrate_switch=True)),
    "fd_esi": ("1ABCDEF0##2" + "00" * 12,
               message(0x1ABCDEF0, bytes(12), is_fd=True, error_state_indicator=True)),
    "remote": ("321#R4", message(0x321, is_remote_frame=True, dlc=4)),
}


def read_line(stream, timeout=TIMEOUT):
    """One line of a process's output; an error when none comes in time."""
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([stream], [], [], timeout)[0]:
            raise AssertionError(f"no line within {timeout} s")
        byte = os.read(stream.fileno(), 1)
        if not byte:
            raise AssertionError("the process ended")
        line += byte
    return line.decode().rstrip("\n")


class Bus:
    """A served hub with its bridge, and python-can beside it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "can0")
        self.python = can.Bus(interface="udp_multicast", channel=GROUP, hop_limit=0, fd=True)
        self.server = subprocess.Popen([CANTWIN, "bus", "serve", self.path, "--udp", GROUP], stderr=subprocess.PIPE)
        while not read_line(self.server.stderr).endswith("ready"):
            pass

    def close(self):
        self.python.shutdown()
        self.server.terminate()
        status = self.server.wait(TIMEOUT)
        self.server.stderr.close()
        return status

    def send(self, *bodies):
        subprocess.run([CANTWIN, "bus", "send", self.path, *bodies], check=True, timeout=TIMEOUT)

    def receive(self):
        got = self.python.recv(TIMEOUT)
        assert got is not None, "python-can received nothing"
        return got

    def dump(self):
        """A dump that surely listens: it has printed a frame that was sent to find out."""
        dump = subprocess.Popen([CANTWIN, "bus", "dump", self.path], stdout=subprocess.PIPE)
        probes = 0
        while True:
            body = f"7FE#{probes:04X}"
            probes += 1
            self.send(body)
            self.receive()
            if select.select([dump.stdout], [], [], 0.2)[0]:
                break
        while not read_line(dump.stdout).endswith(body):
            pass
        return dump


def same(got, expected):
    fields = ["arbitration_id", "is_extended_id", "is_remote_frame", "is_error_frame", "is_fd", "bitrate_switch",
              "error_state_indicator", "dlc"]
    for field in fields:
        assert getattr(got, field) == getattr(expected, field), f"{field}: {got} instead of {expected}"
    assert bytes(got.data) == bytes(expected.data), f"data: {got} instead of {expected}"


def case_python_can_sees_our_frame(bus, body, expected):
    bus.send(body)
    got = bus.receive()
    same(got, expected)
    assert abs(got.timestamp - time.time()) < 60, f"time stamp {got.timestamp}"


def case_we_see_the_frame_of_python_can(bus, dump, body, sent):
    bus.python.send(sent)
    bus.receive()  # udp_multicast hears itself
    line = read_line(dump.stdout)
    assert line.split()[2] == body, f"{line!r} instead of {body}"


def case_cantools_decodes_what_we_send(bus):
    database = cantools.database.load_string(DBC, "dbc")
    # 0x2EE0 * 0.25 = 3000 rpm, 0x82 - 40 = 90 C
    bus.send("123#2EE0820000000000")
    got = bus.receive()
    assert database.decode_message(got.arbitration_id, got.data) == {"RPM": 3000.0, "TEMP": 90}


def case_nothing_is_echoed(bus, dump):
    """A frame of python-can reaches the hub once, and does not come back from there to the group."""
    bus.python.send(message(0x111, b"\x01"))
    bus.python.send(message(0x112, b"\x02"))
    seen = [bus.receive().arbitration_id, bus.receive().arbitration_id]
    lines = [read_line(dump.stdout).split()[2] for _ in seen]
    # Ours after theirs: what the hub sent back would stand before it.
    bus.send("113#")
    last = bus.receive().arbitration_id
    assert seen == [0x111, 0x112], f"on the group: {seen}"
    assert lines == ["111#01", "112#02"], f"on the hub: {lines}"
    assert last == 0x113, f"came back to the group: {last:X}"


def case_replay_delivers_the_log(bus, dump, folder):
    log = os.path.join(folder, "drive.log")
    writer = can.CanutilsLogWriter(log)
    for number in range(500):
        writer.on_message_received(message(0x200 + number % 100, number.to_bytes(2, "big"), timestamp=1e9 + number / 1e4))
    writer.stop()
    subprocess.run([CANTWIN, "replay", log, "unix:" + bus.path, "--speed", "10"], check=True, timeout=TIMEOUT,
                   stderr=subprocess.DEVNULL)
    for number in range(500):
        body = read_line(dump.stdout).split()[2]
        assert body == f"{0x200 + number % 100:03X}#{number:04X}", f"frame {number} is {body}"


def case_bad_input_is_one_line_and_an_exit_code(bus):
    cut = bus.path + ".cut.log"
    with open(cut, "w", encoding="ascii") as log:
        log.write("(1.0) can0 7A0#01\n(1.0) can0 7A0#02\n(1.0) can0 7A")
    for status, says, *arguments in [
            (2, "two hex digits", "bus", "send", bus.path, "123#1"),
            (2, "standard id above 7FF", "bus", "send", bus.path, "800#11"),
            (2, "--count", "bus", "dump", bus.path, "--count", "0"),
            (3, "no hub listens there", "bus", "send", bus.path + ".none", "123#11"),
            (3, "another hub serves it", "bus", "serve", bus.path),
            (3, "No such file", "replay", "/nonexistent.log", bus.path),
            (1, ".cut.log:3:", "replay", cut, bus.path),
            (1, "no frame was found", "replay", __file__, bus.path)]:
        done = subprocess.run([CANTWIN, *arguments], capture_output=True, text=True, timeout=TIMEOUT)
        lines = [line for line in done.stderr.splitlines() if "error: " in line]
        assert done.returncode == status, f"{arguments}: exit status {done.returncode}: {done.stderr}"
        assert len(lines) == 1 and says in lines[0], f"{arguments}: {done.stderr}"


def case_ended_well(status):
    assert status == 0, f"exit status {status}"


class Report:
    """Runs cases; one that fails does not end the others."""

    def __init__(self):
        self.failed = False

    def run(self, name, function, *arguments):
        try:
            function(*arguments)
            print(f"ok {name}", flush=True)
        except Exception as error:
            self.failed = True
            print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)


def run_cases(report, bus, folder):
    for name, (body, expected) in FRAMES.items():
        report.run(f"python_can_sees_our_{name}", case_python_can_sees_our_frame, bus, body, expected)
    report.run("cantools_decodes_what_we_send", case_cantools_decodes_what_we_send, bus)
    dump = bus.dump()
    for name, (body, sent) in FRAMES.items():
        report.run(f"we_see_python_can_{name}", case_we_see_the_frame_of_python_can, bus, dump, body, sent)
    report.run("nothing_is_echoed", case_nothing_is_echoed, bus, dump)
    read_line(dump.stdout)  # the last frame of that case
    report.run("replay_delivers_the_log", case_replay_delivers_the_log, bus, dump, folder)
    report.run("bad_input_is_one_line_and_an_exit_code", case_bad_input_is_one_line_and_an_exit_code, bus)
    dump.terminate()
    report.run("dump_ends_well_on_sigterm", case_ended_well, dump.wait(TIMEOUT))
    dump.stdout.close()


def main():
    if not os.access(CANTWIN, os.X_OK):
        print(f"not ok bus_python_can: {CANTWIN} is not built")
        return 1
    report = Report()
    with tempfile.TemporaryDirectory(prefix="cantwin-") as folder:
        try:
            bus = Bus(folder)
        except can.CanInitializationError as error:
            print(f"skip bus_python_can: no multicast route, as tests/run.sh makes: {error}")
            return 0
        try:
            run_cases(report, bus, folder)
        finally:
            report.run("serve_ends_well_on_sigterm", case_ended_well, bus.close())
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
