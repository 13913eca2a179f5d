#!/usr/bin/env python3
"""Logs between python-can and cantwin, both ways, and the converted logs of the corpus against each other.

One line per case: `ok NAME`, `not ok NAME: why` or `skip NAME: why`; exit status 1 when a case failed.
"""
import fcntl
import gzip
import os
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import zlib

ROOT = os.environ.get("CANTWIN_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CANTWIN = os.path.join(os.environ.get("CANTWIN_BIN", os.path.join(ROOT, "build", "test", "bin")), "cantwin")
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(ROOT, "..", "shared", "corpus"))
TIMEOUT = 60
START = 1700000000.25
FD_LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64]
# What a format can say of the time: candump and ASC microseconds; python-can computes in doubles.
RESOLUTION = 2e-6

try:
    import can
except ImportError as error:
    print(f"skip logs_python_can: {error}")
    sys.exit(0)


def random_messages(count, seed):
    draw = random.Random(seed)
    print(f"# seed {seed}")
    messages = []
    stamp = START
    for _ in range(count):
        stamp += draw.randrange(1, 20000) * 1e-6
        kind = draw.choice(["data", "data", "fd", "fd", "remote", "error"])
        extended = draw.random() < 0.5
        common = {"timestamp": round(stamp, 6), "channel": draw.randrange(4), "is_rx": draw.random() < 0.7,
                  "arbitration_id": draw.getrandbits(29 if extended else 11), "is_extended_id": extended}
        if kind == "error":
            messages.append(can.Message(timestamp=common["timestamp"], channel=common["channel"], is_error_frame=True))
        elif kind == "remote":
            messages.append(can.Message(**common, is_remote_frame=True, dlc=draw.randrange(9)))
        elif kind == "fd":
            messages.append(can.Message(**common, is_fd=True, bitrate_switch=draw.random() < 0.5,
                                        error_state_indicator=draw.random() < 0.5,
                                        data=draw.randbytes(draw.choice(FD_LENGTHS[1:]))))
        else:
            messages.append(can.Message(**common, data=draw.randbytes(draw.randrange(9))))
    return messages


def key(channel, error, arbitration_id, extended, remote, fd, brs, esi, dlc, data, sent):
    """What two tools must agree on; of an error frame only that it is one."""
    if error:
        return (channel, "error")
    return (channel, arbitration_id, extended, remote, fd, brs, esi, dlc, bytes(data), sent)


def channel_number(channel):
    return int("".join(c for c in str(channel) if c.isdigit()))


def key_of_message(m):
    return key(channel_number(m.channel if m.channel is not None else 0), m.is_error_frame, m.arbitration_id,
               m.is_extended_id or m.arbitration_id > 0x7FF, m.is_remote_frame, m.is_fd, m.bitrate_switch,
               m.error_state_indicator, m.dlc, m.data, not m.is_rx)


def key_of_line(line):
    """A candump line as `cantwin replay FROM -` prints it, taken apart here and not by python-can, whose reader loses
    the channel of error frames."""
    stamp, channel, body, direction = line.split()
    id_text, payload = body.split("#", 1)
    raw = int(id_text, 16)
    extended = len(id_text) == 8
    fd = payload.startswith("#")
    flags = int(payload[1], 16) if fd else 0
    remote = payload.startswith("R")
    data = b"" if remote else bytes.fromhex(payload[2:] if fd else payload)
    dlc = int(payload[1:] or 0) if remote else len(data)
    error = extended and raw & 0x20000000 != 0
    return float(stamp[1:-1]), key(channel_number(channel), error, raw & 0x1FFFFFFF, extended, remote, fd,
                                   bool(flags & 1), bool(flags & 2), dlc, data, direction == "T")


def we_read(path):
    done = subprocess.run([CANTWIN, "replay", path, "-"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr}"
    return [key_of_line(line) for line in done.stdout.splitlines()]


def agree(got, expected, absolute=True):
    """Both are lists of (stamp, key). Without `absolute` only the distances from the first frame count."""
    assert len(got) == len(expected), f"{len(got)} frames instead of {len(expected)}"
    shift = 0 if absolute or not got else got[0][0] - expected[0][0]
    for number, (ours, theirs) in enumerate(zip(got, expected)):
        assert ours[1] == theirs[1], f"frame {number}: {ours} instead of {theirs}"
        off = abs(ours[0] - shift - theirs[0])
        assert off < RESOLUTION, f"frame {number}: stamp {ours[0]} instead of {theirs[0]}"


def with_stamps(messages):
    return [(m.timestamp, key_of_message(m)) for m in messages]


def python_writes(path, messages):
    with can.Logger(path) as logger:
        for message in messages:
            logger(message)


def case_we_read_what_python_can_writes(folder, extension, messages):
    path = os.path.join(folder, "theirs" + extension)
    if extension == ".log":  # its candump writer leaves out the length of remote frames
        for m in messages:
            m.dlc = 0 if m.is_remote_frame else m.dlc
    python_writes(path, messages)
    # Its ASC starts at the first frame's millisecond: .25 s is one.
    agree(we_read(path), with_stamps(messages), absolute=extension != ".asc")


def case_python_can_reads_what_we_write(folder, extension, messages):
    source = os.path.join(folder, "source.blf")
    path = os.path.join(folder, "ours" + extension)
    python_writes(source, messages)
    subprocess.run([CANTWIN, "replay", source, path], check=True, timeout=TIMEOUT, stderr=subprocess.DEVNULL)
    options = {"relative_timestamp": False} if extension == ".asc" else {}
    with can.LogReader(path, **options) as reader:
        got = list(reader)
    if extension == ".log":  # its candump reader gives error frames no channel
        for m, sent in zip(got, messages):
            m.channel = sent.channel if m.is_error_frame else m.channel
    agree(with_stamps(got), with_stamps(messages))


def python_reads(path):
    options = {"relative_timestamp": False} if path.endswith(".asc") else {}
    with can.LogReader(path, **options) as reader:
        return with_stamps(reader)


def case_corpus_formats_agree(name, least):
    folder = os.path.join(CORPUS, "logs", os.path.dirname(name))
    base = os.path.join(folder, os.path.basename(name))
    logs = {extension: we_read(base + extension) for extension in (".log", ".asc", ".blf")}
    assert len(logs[".log"]) >= least
    for extension in (".asc", ".blf"):
        theirs = python_reads(base + extension)
        agree(logs[extension], theirs, absolute=False)
        same = [key for _, key in logs[extension]] == [key for _, key in logs[".log"]]
        assert same, f"{extension} and .log differ"
        # Each file has its own start, cut to its resolution; the distances are the same to a millisecond.
        first, last = logs[extension][0][0], logs[extension][-1][0]
        span = logs[".log"][-1][0] - logs[".log"][0][0]
        assert abs((last - first) - span) < 1e-3, f"{extension}: {last - first} s instead of {span} s"


def case_conversions_keep_every_frame(folder, name):
    """log -> asc -> blf -> log gives the log again."""
    source = os.path.join(CORPUS, "logs", name)
    steps = [source] + [os.path.join(folder, "step" + extension) for extension in (".asc", ".blf", ".log")]
    for origin, target in zip(steps, steps[1:]):
        subprocess.run([CANTWIN, "replay", origin, target], check=True, timeout=TIMEOUT, stderr=subprocess.DEVNULL)
    before, after = we_read(source), we_read(steps[-1])
    agree(after, before)


def case_decode_says_the_same_of_every_format(folder, log, dbc):
    """The recorded drive as candump is what the oracle's figures are checked on; ASC and BLF must decode alike."""
    texts = {}
    for extension in (".log", ".asc", ".blf"):
        path = os.path.join(folder, "drive" + extension)
        subprocess.run([CANTWIN, "replay", os.path.join(CORPUS, "logs", log), path], check=True, timeout=TIMEOUT,
                       stderr=subprocess.DEVNULL)
        done = subprocess.run([CANTWIN, "decode", "--dbc", os.path.join(CORPUS, "dbc", dbc), path],
                              capture_output=True, text=True, timeout=TIMEOUT)
        assert done.returncode == 0 and done.stdout, f"{extension}: {done.stderr}"
        texts[extension] = done.stdout
    assert texts[".asc"] == texts[".log"], "ASC decodes differently"
    assert texts[".blf"] == texts[".log"], "BLF decodes differently"


def case_gzip_is_unpacked(folder, messages):
    plain = os.path.join(folder, "plain.asc")
    python_writes(plain, messages)
    with open(plain, "rb") as source, gzip.open(plain + ".gz", "wb") as packed:
        packed.write(source.read())
    assert we_read(plain + ".gz") == we_read(plain)


def case_foreign_logs_are_named(name, kind):
    done = subprocess.run([CANTWIN, "replay", os.path.join(CORPUS, "logs", name), "-"], capture_output=True, text=True,
                          timeout=TIMEOUT)
    assert done.returncode == 3 and kind in done.stderr and "not supported" in done.stderr, done.stderr


def case_window_ids_and_channels(folder, messages):
    path = os.path.join(folder, "all.blf")
    python_writes(path, messages)
    first = messages[0].timestamp
    wanted = [m for m in messages if m.channel == 2 and 0.5 <= m.timestamp - first <= 1.5 and not m.is_error_frame and
              not m.is_extended_id and 0x100 <= m.arbitration_id <= 0x4FF]
    done = subprocess.run([CANTWIN, "replay", path, "-", "--channel", "can2", "--from", "0.5", "--to", "1.5", "--id",
                           "100-4FF"], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert wanted, "the seed gives no such frame"
    agree([key_of_line(line) for line in done.stdout.splitlines()], with_stamps(wanted))


def case_damaged_container_is_located(folder, messages):
    path = os.path.join(folder, "damaged.blf")
    python_writes(path, messages)
    with open(path, "r+b") as log:
        content = bytearray(log.read())
        size = struct.unpack_from("<L", content, 144 + 8)[0]
        middle = 144 + 32 + (size - 32) // 2
        content[middle:middle + 64] = bytes(64)
        log.seek(0)
        log.write(content)
    try:
        zlib.decompress(bytes(content[176:144 + size]))
        raise AssertionError("the damage does not show")
    except zlib.error:
        pass
    done = subprocess.run([CANTWIN, "replay", path, "-"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 1, f"exit status {done.returncode}"
    assert f"{path}: byte 144: error: " in done.stderr, done.stderr
    lines = done.stdout.splitlines()
    assert 0 < len(lines) < len(messages), f"{len(lines)} frames"
    assert [key_of_line(line)[1] for line in lines[:50]] == [key_of_message(m) for m in messages[:50]]


class Hubs:
    """Two buses served by one process."""

    def __init__(self, folder):
        self.paths = [os.path.join(folder, name) for name in ("bus0", "bus1")]
        self.server = subprocess.Popen([CANTWIN, "bus", "serve", *self.paths], stderr=subprocess.PIPE, text=True)
        while not self.server.stderr.readline().rstrip().endswith("ready"):
            assert self.server.poll() is None, "the hubs ended"

    def close(self):
        self.server.terminate()
        self.server.wait(TIMEOUT)
        self.server.stderr.close()


PROBE = 0x7FE


class Recorder:
    """`bus dump --log` that surely listens: it has written a frame that was sent to find out."""

    def __init__(self, bus, path):
        self.bus, self.path = bus, path
        self.process = subprocess.Popen([CANTWIN, "bus", "dump", bus, "--log", path], stderr=subprocess.PIPE, text=True)
        self.wait_for(1, lambda: subprocess.run([CANTWIN, "bus", "send", bus, f"{PROBE:X}#"], check=True, timeout=TIMEOUT))

    def wait_for(self, count, meanwhile=lambda: None):
        """Until `count` frames are in the file, which is flushed every second."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            meanwhile()
            if os.path.exists(self.path) and os.path.getsize(self.path) > 0 and len(we_read(self.path)) >= count:
                return
            select.select([], [], [], 0.1)
        raise AssertionError(f"{count} frames are not in {self.path}")

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(TIMEOUT)
        said = self.process.stderr.read()
        self.process.stderr.close()
        assert number == signal.SIGKILL or (status == 0 and ", 0 lost" in said), f"exit status {status}: {said}"
        with can.LogReader(self.path) as reader:
            return [key_of_message(m)[1:] for m in reader if m.arbitration_id != PROBE]


def playable(messages):
    """Without error frames, which no one can send; all received."""
    kept = [m for m in messages if not m.is_error_frame and m.arbitration_id != PROBE]
    for m in kept:
        m.is_rx = True
    return kept


def case_recorded_bus_is_a_whole_log(folder, hubs, extension, number, messages):
    """By SIGTERM at once; by SIGKILL when what was sent has been flushed."""
    source = os.path.join(folder, "sent.blf")
    python_writes(source, messages)
    recorder = Recorder(hubs.paths[0], os.path.join(folder, f"recorded_{int(number)}{extension}"))
    probes = len(we_read(recorder.path))
    subprocess.run([CANTWIN, "replay", source, hubs.paths[0], "--fast"], check=True, timeout=TIMEOUT,
                   stderr=subprocess.DEVNULL)
    if number == signal.SIGKILL:
        recorder.wait_for(probes + len(messages))
    got = recorder.end(number)
    expected = [key_of_message(m)[1:] for m in messages]
    assert got == expected, f"{len(got)} frames instead of {len(expected)}"


def case_channels_go_to_their_buses(folder, hubs, messages):
    source = os.path.join(folder, "channels.asc")
    python_writes(source, messages)
    recorders = [Recorder(path, os.path.join(folder, f"channel{i}.blf")) for i, path in enumerate(hubs.paths)]
    subprocess.run([CANTWIN, "replay", source, "--channel", "can0=unix:" + hubs.paths[0], "--channel",
                    "can1=unix:" + hubs.paths[1], "--fast"], check=True, timeout=TIMEOUT, stderr=subprocess.DEVNULL)
    for i, recorder in enumerate(recorders):
        got = recorder.end(signal.SIGTERM)
        expected = [key_of_message(m)[1:] for m in messages if m.channel == i]
        assert expected and got == expected, f"can{i}: {len(got)} frames instead of {len(expected)}"


def case_loop_plays_until_stopped(folder, hubs, messages):
    source = os.path.join(folder, "loop.log")
    python_writes(source, messages)
    dump = subprocess.Popen([CANTWIN, "bus", "dump", hubs.paths[0], "--count", str(5 * len(messages))],
                            stdout=subprocess.DEVNULL)
    play = subprocess.Popen([CANTWIN, "replay", source, hubs.paths[0], "--loop", "--fast"], stderr=subprocess.DEVNULL)
    assert dump.wait(TIMEOUT) == 0
    assert play.poll() is None, "the loop ended by itself"
    play.send_signal(signal.SIGINT)
    assert play.wait(TIMEOUT) == 0


def case_silent_pipe_can_be_stopped(folder, lines):
    """Before the first line and behind some: what came is in the log that was written."""
    target = os.path.join(folder, "silent.log")
    play = subprocess.Popen([CANTWIN, "replay", "-", target], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        play.stdin.write(lines)
        play.stdin.flush()
        deadline = time.monotonic() + TIMEOUT
        # it reads: the pipe is empty and signals are held back for the loop to see
        while time.monotonic() < deadline and not waits_for_signals(play.pid, play.stdin.fileno()):
            select.select([], [], [], 0.02)
        play.send_signal(signal.SIGTERM)
        assert play.wait(TIMEOUT) == 0
        assert len(we_read(target)) == lines.count(b"\n")
    finally:
        play.kill()
        play.stdin.close()


def waits_for_signals(pid, pipe):
    unread = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    with open(f"/proc/{pid}/status") as status:
        blocked = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
    return unread == 0 and blocked >> (signal.SIGTERM - 1) & 1


def case_one_file_is_not_written_twice(folder, messages):
    source = os.path.join(folder, "twice.blf")
    python_writes(source, messages)
    target = os.path.join(folder, "twice.log")
    done = subprocess.run([CANTWIN, "replay", source, "--channel", "can0=" + target, "--channel",
                           "can1=" + os.path.join(folder, ".", "twice.log")], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 2 and "named twice" in done.stderr, f"exit status {done.returncode}: {done.stderr}"


def case_byte_order_mark_is_passed(folder):
    path = os.path.join(folder, "mark.log")
    with open(path, "wb") as file:
        file.write(b"\xef\xbb\xbf(1.000000) can0 123#00\n(2.000000) can0 124#00\n")
    assert [frame[0] for frame in we_read(path)] == [1.0, 2.0]


def run_buses(report, folder):
    hubs = Hubs(folder)
    try:
        for extension in (".log", ".asc", ".blf"):
            for number in (signal.SIGTERM, signal.SIGKILL):
                report.run(f"recorded_{extension[1:]}_after_{number.name}", case_recorded_bus_is_a_whole_log, folder, hubs,
                           extension, number, playable(random_messages(500, 12)))
        report.run("channels_go_to_their_buses", case_channels_go_to_their_buses, folder, hubs,
                   playable(random_messages(500, 13)))
        report.run("loop_plays_until_stopped", case_loop_plays_until_stopped, folder, hubs,
                   playable(random_messages(100, 14)))
    finally:
        hubs.close()


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


def run_corpus(report, folder):
    if not os.path.isdir(os.path.join(CORPUS, "logs", "converted")):
        print("skip logs_of_the_corpus: no corpus, set CANTWIN_CORPUS")
        return
    for name in ("converted/rav4_2s", "converted/j1939_truck_3000", "synthetic/hyundai_canfd_synthetic"):
        short = os.path.basename(name)
        report.run(f"formats_agree_{short}", case_corpus_formats_agree, name, 3000)
        report.run(f"conversions_keep_{short}", case_conversions_keep_every_frame, folder, name + ".log")
    report.run("decode_says_the_same", case_decode_says_the_same_of_every_format, folder,
               "comma2k19/rav4_2017_first30s.candump.log.zst", "opendbc_generated/toyota_new_mc_pt_generated.dbc")
    for name, kind in (("converted/rav4_2s.trc", "TRC"), ("converted/rav4_2s.csv", "CSV"), ("css/gnss.MF4", "MDF"),
                       ("canboat/can0-1.pcap", "pcap"), ("savvycan/BusMasterLog.log", "BUSMASTER")):
        report.run(f"foreign_{kind}_is_named", case_foreign_logs_are_named, name, kind)


def main():
    report = Report()
    with tempfile.TemporaryDirectory(prefix="cantwin-") as folder:
        for extension in (".log", ".asc", ".blf"):
            report.run(f"we_read_python_can_{extension[1:]}", case_we_read_what_python_can_writes, folder, extension,
                       random_messages(2000, 7))
            report.run(f"python_can_reads_our_{extension[1:]}", case_python_can_reads_what_we_write, folder, extension,
                       random_messages(2000, 8))
        report.run("gzip_is_unpacked", case_gzip_is_unpacked, folder, random_messages(500, 9))
        report.run("window_ids_and_channels", case_window_ids_and_channels, folder, random_messages(2000, 10))
        report.run("damaged_container_is_located", case_damaged_container_is_located, folder, random_messages(4000, 11))
        report.run("silent_pipe_can_be_stopped", case_silent_pipe_can_be_stopped, folder, b"(1.000000) can0 123#00\n" * 3)
        report.run("pipe_without_a_line_can_be_stopped", case_silent_pipe_can_be_stopped, folder, b"")
        report.run("one_file_is_not_written_twice", case_one_file_is_not_written_twice, folder, random_messages(50, 15))
        report.run("byte_order_mark_is_passed", case_byte_order_mark_is_passed, folder)
        run_corpus(report, folder)
        run_buses(report, folder)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
