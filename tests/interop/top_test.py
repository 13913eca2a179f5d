#!/usr/bin/env python3
"""`cantwin top`: its values are cantools' values of the bytes it shows, its counts are the frames that were sent, changed
bytes stand out, it fits the terminal it is given and leaves it as it was; its twin view is the gateway's."""

import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))

from sim_rig import BIN, TIMEOUT, VEHICLE, Report, Vehicle, wait_ready

try:
    import cantools
except ImportError as missing:
    print(f"skip top: {missing}")
    sys.exit(0)

report = Report()
ROW = re.compile(r"^ *([0-9A-F]{3}|[0-9A-F]{8}) +(\d+) +(\S+) +(\d+)(f?) +((?:[0-9A-F]{2} )*)(\w*)((?:  \w+)?(?:  \w+ \d+)*)$")
VALUE = re.compile(r"^ {31}(\S+) +(-?[\d.e+-]+) ")


def once(*arguments, cwd=None):
    return subprocess.run([BIN / "cantwin", "top", *arguments, "--once"], capture_output=True, text=True, timeout=TIMEOUT, cwd=cwd)


def check_values(page):
    """Every value line against cantools' decoding of the row's bytes."""
    database = cantools.database.load_file(VEHICLE / "powertrain.dbc")
    problems, checked, data, message = [], 0, None, None
    for line in page.splitlines()[1:]:
        row, value = ROW.match(line), VALUE.match(line + " ")
        if row:
            data = bytes.fromhex(row[6].replace(" ", ""))
            message = database.get_message_by_frame_id(int(row[1], 16)) if row[7] else None
        elif value and message:
            expected = message.decode(data, decode_choices=False, allow_truncated=True)[value[1]]
            checked += 1
            if abs(float(value[2]) - expected) > 1e-9 * max(1, abs(expected)):
                problems.append(f"{value[1]} {value[2]} instead of {expected}")
    return problems if checked >= 20 else [f"only {checked} values shown"]


def counts():
    """Frames of our own on a hub of our own."""
    with tempfile.TemporaryDirectory() as folder:
        hub = subprocess.Popen([BIN / "cantwin", "bus", "serve", "t.sock"], cwd=folder, stderr=subprocess.PIPE)
        try:
            wait_ready(hub)
            top = subprocess.Popen([BIN / "cantwin", "top", "unix:t.sock", "--once", "--seconds", "4"], cwd=folder,
                                   stdout=subprocess.PIPE, text=True)
            frames = ["123#00", "123#01", "18DA10F1#023E00", "7FF#R", "456##1" + "11" * 12]
            deadline = time.monotonic() + TIMEOUT
            while not (pathlib.Path(folder) / "t.sock").exists() and time.monotonic() < deadline:
                pass
            sent = 0
            while top.poll() is None and sent < 3:  # it may still be on its way to the hub: send until it is over
                subprocess.run([BIN / "cantwin", "bus", "send", "unix:t.sock", *frames], cwd=folder, timeout=TIMEOUT, check=True)
                sent += 1
                select.select([], [], [], 0.3)
            page = top.communicate(timeout=TIMEOUT)[0]
        finally:
            hub.terminate()
            hub.wait(TIMEOUT)
            hub.stderr.close()
    rows = {m[1]: m for m in map(ROW.match, page.splitlines()) if m}
    problems = [f"no row {i} in {page!r}" for i in ("123", "18DA10F1", "456") if i not in rows]
    if not problems:
        if int(rows["123"][2]) != 2 * int(rows["18DA10F1"][2]):
            problems.append(f"counts {rows['123'][2]} and {rows['18DA10F1'][2]}")
        if rows["123"][6] != "01 " or rows["456"][6] != "11 " * 12 or rows["456"][5] != "f":
            problems.append(f"data {rows['123'][6]} {rows['456'][6]}")
    return problems + ([] if "remote" in page else ["no remote frame"])


def toyota(ident, body):
    """Eight bytes with the counter in the high nibble of byte 6; the sum of length, id and bytes in the last."""
    return bytes(body) + bytes([(8 + (ident >> 8) + (ident & 0xFF) + sum(body)) & 0xFF])


DBC = """VERSION ""
BS_:
BU_: A B
BO_ 291 COUNTED: 8 A
 SG_ VALUE : 7|16@0+ (1,0) [0|65535] "" B
 SG_ COUNTER : 55|4@0+ (1,0) [0|15] "" B
 SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] "" B
BO_ 292 PLAIN: 8 A
 SG_ OTHER : 7|8@0+ (1,0) [0|255] "" B
"""
RULES = 'rules:\n  - { message: COUNTED, scheme: toyota, max_delta: 1 }\n'


def protection():
    """Good frames, one with a wrong sum, one that repeats its counter: top's counts are those that were made wrong here."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "t.dbc").write_text(DBC)
        (path / "rules.yaml").write_text(RULES)
        good = [toyota(0x123, [0, n, 0, 0, 0, 0, n << 4]).hex() for n in range(8)]
        wrong = good[5][:-2] + f"{int(good[5][-2:], 16) ^ 0xFF:02x}"
        sent = [f"123#{data}" for data in (*good[:5], wrong, good[5], good[5], *good[6:], good[7])] + ["124#0000000000000000"]
        wanted = {"COUNTED": "  checksum 1  counter 2", "PLAIN": ""}
        hub = subprocess.Popen([BIN / "cantwin", "bus", "serve", "t.sock"], cwd=folder, stderr=subprocess.PIPE)
        try:
            wait_ready(hub)
            page, rows, tries = "", {}, 0
            while rows != wanted and tries < 5:
                top = subprocess.Popen([BIN / "cantwin", "top", "unix:t.sock", "--dbc", "t.dbc", "--protection", "rules.yaml", "--once",
                                        "--seconds", str(2 << tries)], cwd=folder, stdout=subprocess.PIPE, text=True)
                select.select([], [], [], 0.5 * 2 ** tries)  # on its way to the hub; what it misses is sent again to the next
                subprocess.run([BIN / "cantwin", "bus", "send", "unix:t.sock", *sent], cwd=folder, timeout=TIMEOUT, check=True)
                page, tries = top.communicate(timeout=TIMEOUT)[0], tries + 1
                rows = {m[7]: m[8] for m in map(ROW.match, page.splitlines()) if m}
            unruled = once("unix:t.sock", "--dbc", "t.dbc", "--protection", "missing.yaml", cwd=folder)
        finally:
            hub.terminate()
            hub.wait(TIMEOUT)
            hub.stderr.close()
    values = [line for line in page.splitlines() if VALUE.match(line)]
    problems = [] if rows == wanted else [f"{rows} in {page!r}"]
    problems += [line for line in values if line.endswith("  counter") != ("OTHER" not in line)]  # the newest frame repeats
    return problems + ([] if len(values) == 4 else [f"{values}"]) + ([] if unruled.returncode == 3 else [f"{unruled}"])


class Terminal:
    """A program on a pty of a given size."""

    def __init__(self, arguments, columns, rows, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execv(BIN / "cantwin", ["cantwin", "top", *arguments])
        self.text = b""
        self.resize(columns, rows)

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, wanted):
        deadline = time.monotonic() + TIMEOUT
        while not wanted(self.text):
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"not seen: {self.text[-400:]!r}")
            try:
                self.text += os.read(self.fd, 65536)
            except OSError:
                break

    def pages(self):
        """Whole pages as lists of lines without escapes; changed says whether anything stood out."""
        for page in self.text.split(b"\x1b[H")[1:]:
            if b"\x1b[J" in page:
                plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", page.split(b"\x1b[J")[0].decode())
                yield plain.split("\r\n")[:-1]


def on_a_terminal(vehicle):
    terminal = Terminal(["unix:can0.sock", "--dbc", str(VEHICLE / "powertrain.dbc")], 50, 12, vehicle.path)
    terminal.read_until(lambda text: text.count(b"\x1b[J") >= 4)
    pages = list(terminal.pages())[2:]
    report.check("top_fits_the_terminal",
                 [f"{len(p)} lines, {max(p, key=len)!r}" for p in pages if len(p) >= 12 or max(map(len, p)) > 50])
    report.check("top_makes_changed_bytes_stand_out", [] if b"\x1b[1;32m" in terminal.text else ["no style"])
    terminal.text = b""
    terminal.resize(100, 30)
    terminal.read_until(lambda text: any(len(p) > 12 for p in terminal.pages()))
    report.check("top_follows_the_terminals_size", [])
    terminal.text = b""
    first = list(terminal.pages())
    os.write(terminal.fd, b"jj\x1b[B")
    terminal.read_until(lambda text: any(len(p) > 1 and not ROW.match(p[1]) and "ENGINE_STATUS " not in p[1] for p in terminal.pages()))
    report.check("top_scrolls", [] if not first else [])
    os.write(terminal.fd, b"q")
    _, status = os.waitpid(terminal.pid, 0)
    try:
        while select.select([terminal.fd], [], [], 0)[0]:
            terminal.text += os.read(terminal.fd, 65536)
    except OSError:
        pass
    report.equal("top_ends_with_q", status, 0)
    report.check("top_gives_the_terminal_back", [] if terminal.text.rstrip().endswith(b"\x1b[?1049l") else [terminal.text[-60:]])
    os.close(terminal.fd)


def twin_view():
    from stack import Stack, wait_for
    with Stack() as run:
        run.start_hub()
        run.start_gateway()
        run.start_sim()
        socket = os.path.join(run.path("."), run.status_socket())

        def page():
            done = once("--twin", "Vehicle.S*", "--socket", socket)
            return done.stdout if done.returncode == 0 and "Vehicle.Speed" in done.stdout and "km/h" in done.stdout else None
        wait_for("the twin's rows", page)
        names = [line.split()[0] for line in page().splitlines()[1:]]
        listed = subprocess.run([BIN / "cantwin", "twin", "get", "--socket", socket, "Vehicle.S*"], capture_output=True, text=True,
                                timeout=TIMEOUT, check=True).stdout
        report.equal("top_twin_shows_what_the_gateway_has", names, [line.split()[0] for line in listed.splitlines()[1:]])
    gone = once("--twin", "--socket", "/nowhere/gateway.sock")
    report.check("top_twin_without_gateway_says_so", [] if gone.returncode == 3 and "/nowhere/gateway.sock" in gone.stderr else [gone])


def main():
    report.check("top_counts_frames_and_shows_the_newest_data", counts())
    report.check("top_tells_checksum_and_counter_faults", protection())
    with Vehicle() as vehicle:
        page = once("unix:can0.sock", "--dbc", VEHICLE / "powertrain.dbc", "--seconds", "1.5", cwd=vehicle.path)
        report.check("top_values_are_cantools_values", check_values(page.stdout))
        rates = {m[1]: m[3] for m in map(ROW.match, page.stdout.splitlines()) if m}
        report.check("top_has_a_rate_for_every_id", [r for r in rates.values() if not re.fullmatch(r"\d+\.\d/s|silent", r)])
        checked = once("unix:can0.sock", "--dbc", VEHICLE / "powertrain.dbc", "--protection", VEHICLE / "protection.yaml", "--seconds",
                       "1.5", cwd=vehicle.path).stdout
        rows = {m[7]: m[8] for m in map(ROW.match, checked.splitlines()) if m}
        report.check("top_finds_no_fault_in_an_intact_drive",
                     [f"{rows}"] if rows.get("ENGINE_STATUS") != "  checked" or [r for r in rows.values() if r not in ("", "  checked")] else [])
        on_a_terminal(vehicle)
        vehicle.sim.send_signal(signal.SIGCONT)
    twin_view()
    bad = once("nowhere.sock:", "--dbc", "/nowhere.dbc")
    report.equal("top_names_a_missing_database", bad.returncode, 3)


main()
sys.exit(1 if report.failed else 0)
