#!/usr/bin/env python3
"""Random databases and payloads: `cantwin decode` and `cantwin encode` against cantools.

usage: dbc_property_test.py [--messages N] [--seed S] [--database SEED]
  --messages N      at least so many messages (default 5000; 100000 when CANTWIN_LONG is set); also CANTWIN_PROPERTY_MESSAGES
  --seed S          databases S, S+1, ... (default: from the clock; printed; the long run's is kept with its checkpoint)
  --database SEED   one database, its text on standard output, then its result
Databases: widths 1 to 64 and blobs, both byte orders, signs, odd, negative and zero factors, binary16/32/64, trees of
multiplexers with ranges, CAN FD, 29-bit ids, value tables; every fourth is written by cantools' own dumper. Payloads:
random, with a chosen path of selectors, truncated, longer than the message. Raw values must be equal, physical values
bit-equal; where cantools computes in integers of any size, what it gives beyond 2^53 is compared after rounding twice.
The long run keeps a checkpoint in CANTWIN_STATE (default ~/.cache/cantwin)/property and goes on there.
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CANTWIN_BIN") or SOURCE / "build/test/bin") / "cantwin"
STATE = pathlib.Path(os.environ.get("CANTWIN_STATE") or pathlib.Path.home() / ".cache/cantwin") / "property"
MESSAGES_EACH = 50  # of a database
PAYLOADS_EACH = 6  # of a message
DUMPED = 4  # one database of so many is written by cantools' dumper, which cannot write binary16
FD_LENGTHS = [12, 16, 20, 24, 32, 48, 64]
LENGTHS = [*range(9), *FD_LENGTHS]
FLOAT_FORMATS = {16: "e", 32: "f", 64: "d"}


# ---------------------------------------------------------------------------------------------- databases

class Signal:
    """A signal as it is laid out; `bits` are byte * 8 + bit in byte, least significant first."""

    def __init__(self, name, bits, big_endian):
        self.name, self.bits, self.big_endian = name, bits, big_endian
        self.signed = self.float = False
        self.factor, self.offset, self.limits = "1", "0", "[0|0]"
        self.mux = ""  # M, m0, m0M
        self.parent, self.ranges = None, []
        self.texts = {}

    def statement(self):
        start = self.bits[-1] if self.big_endian else self.bits[0]
        return (f' SG_ {self.name} {self.mux + " " if self.mux else ""}: {start}|{len(self.bits)}@'
                f'{"0" if self.big_endian else "1"}{"-" if self.signed else "+"} ({self.factor},{self.offset}) '
                f'{self.limits} "" Vector__XXX')


def motorola_bits(start, length):
    bits = []
    for _ in range(length):
        bits.append(start)
        start = start + 15 if start % 8 == 0 else start - 1
    return bits[::-1]


def place(rng, free, length):
    """Bits of a signal among the free ones, or None."""
    big_endian = rng.random() < 0.5
    starts = sorted(free)
    for start in rng.sample(starts, min(len(starts), 12)):
        bits = motorola_bits(start, length) if big_endian else list(range(start, start + length))
        if free.issuperset(bits):
            return bits, big_endian
    return None


def random_width(rng, fd):
    kind = rng.random()
    if kind < 0.5:
        return rng.randint(1, 16)
    if kind < 0.65:
        return rng.choice([8, 16, 24, 32, 40, 48, 56, 64])
    if kind < 0.97 or not fd:
        return rng.randint(1, 64)
    return rng.randint(65, 256)


def random_number(rng, positive=False):
    """A factor or offset as DBC files write them."""
    kind = rng.randrange(7)
    if kind == 0:
        number = str(rng.choice([1, 2, 5, 10, 100, 3, 7, 65536]))
    elif kind == 1:
        number = rng.choice(["0.1", "0.01", "0.001", "0.5", "0.25", "0.0625", "0.03125", "0.392157", "1.5"])
    elif kind == 2:
        number = repr(rng.uniform(0, 1000))
    elif kind == 3:
        number = "%.6gE%+04d" % (rng.uniform(1, 10), rng.randint(-12, 12))
    elif kind == 4:
        number = repr(10.0 ** rng.randint(-9, 9))
    elif kind == 5:
        number = "%.*f" % (rng.randint(1, 12), rng.uniform(0.01, 100))
    else:
        number = str(rng.randint(1, 1 << rng.randint(1, 40)))
    return number if positive or rng.random() < 0.75 else "-" + number


def dress(rng, signal, half):
    """Sign, scale, kind and texts; `half`: binary16 too."""
    width = len(signal.bits)
    signal.signed = rng.random() < 0.4
    if width in FLOAT_FORMATS and (half or width > 16) and rng.random() < 0.35:
        signal.float = signal.signed = True
    if width > 64:
        return
    if rng.random() < 0.6:
        signal.factor = random_number(rng)
        signal.offset = random_number(rng) if rng.random() < 0.6 else "0"
    if rng.random() < 0.02:
        signal.factor = "0"
    if rng.random() < 0.2:
        low, high = sorted(rng.uniform(-1000, 1000) for _ in range(2))
        signal.limits = f"[{low:.6g}|{high:.6g}]"
    if not signal.float and rng.random() < 0.25:
        top = min(1 << (width - signal.signed), 1 << 31)
        low = -top if signal.signed else 0
        keys = {rng.randint(low, top - 1) if rng.random() < 0.5 else rng.randrange(min(top, 8)) for _ in range(5)}
        signal.texts = {key: f"text {key} of {signal.name}" for key in keys}


class Layout:
    """The signals of one message: names, free bits and the tree of multiplexers."""

    def __init__(self, rng, length, half):
        self.rng, self.length, self.half = rng, length, half
        self.signals, self.extended = [], False

    def name(self):
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"
        return f"S{len(self.signals)}_" + "".join(self.rng.choice(letters) for _ in range(self.rng.randint(0, 24)))

    def add(self, free, width, parent=None, ranges=()):
        placed = place(self.rng, free, width)
        if placed is None:
            return None
        signal = Signal(self.name(), *placed)
        signal.parent, signal.ranges = parent, list(ranges)
        free.difference_update(signal.bits)
        self.signals.append(signal)
        if parent is not None:
            signal.mux = f"m{signal.ranges[0][0]}"
        return signal

    def fill(self, free, count, parent=None, ranges=()):
        for _ in range(count):
            signal = self.add(free, random_width(self.rng, self.length > 8), parent, ranges)
            if signal is not None:
                dress(self.rng, signal, self.half)

    def branches(self, selector):
        """Disjoint sets of ranges of the selector's values."""
        rng, top = self.rng, 1 << len(selector.bits)
        count = rng.randint(1, min(top, 6))
        firsts = sorted(rng.sample(range(top), count))
        result = []
        for at, first in enumerate(firsts):
            end = firsts[at + 1] if at + 1 < count else top
            last = rng.randint(first, end - 1) if self.extended and rng.random() < 0.5 else first
            result.append([(first, last)])
        if self.extended and len(result) > 2 and rng.random() < 0.5:
            result[0] += result.pop()
        return result

    def multiplex(self, free, depth, parent=None, ranges=()):
        selector = self.add(free, self.rng.randint(1, 8), parent, ranges)
        if selector is None:
            return
        selector.mux += "M"
        for branch in self.branches(selector):
            inner = set(free)
            self.fill(inner, self.rng.randint(1, 4), selector, branch)
            if self.extended and depth > 0 and self.rng.random() < 0.4:
                self.multiplex(inner, depth - 1, selector, branch)


def random_message(rng, length, half):
    layout = Layout(rng, length, half)
    free = set(range(8 * length))
    kind = rng.random()
    if kind < 0.4 and length > 0:
        layout.extended = kind < 0.25
        layout.fill(free, rng.randint(0, 3))
        if layout.extended and rng.random() < 0.3:  # two trees side by side
            left = {bit for bit in free if bit < 4 * length}
            layout.multiplex(left, 1)
            free -= {bit for bit in free if bit < 4 * length}
        layout.multiplex(free, 2)
    else:
        layout.fill(free, rng.randint(0, 12 if length <= 8 else 40))
    return layout


def statements_after(can_id, layout):
    """SIG_VALTYPE_, SG_MUL_VAL_ and VAL_ of a message."""
    lines = []
    for signal in layout.signals:
        if signal.float:
            lines.append(f"SIG_VALTYPE_ {can_id} {signal.name} : {2 if len(signal.bits) == 64 else 1};")
        if layout.extended and signal.parent is not None:
            spans = ", ".join(f"{first}-{last}" for first, last in signal.ranges)
            lines.append(f"SG_MUL_VAL_ {can_id} {signal.name} {signal.parent.name} {spans};")
        if signal.texts:
            pairs = " ".join(f'{key} "{text}"' for key, text in signal.texts.items())
            lines.append(f"VAL_ {can_id} {signal.name} {pairs} ;")
    return lines


def random_database(seed):
    """Returns (text, {(id, extended): layout})."""
    rng = random.Random(seed)
    head, tail, layouts = ['VERSION ""', "", "NS_ :", "", "BS_:", "", "BU_: A B", ""], [], {}
    tail += ['BA_DEF_ BO_ "VFrameFormat" ENUM ' + ",".join(f'"{t}"' for t in (
        "StandardCAN", "ExtendedCAN", *["reserved"] * 12, "StandardCAN_FD", "ExtendedCAN_FD")) + ";",
        'BA_DEF_DEF_ "VFrameFormat" "StandardCAN";']
    while len(layouts) < MESSAGES_EACH:
        extended = rng.random() < 0.4
        frame_id = rng.randrange(1 << 29) if extended else rng.randrange(1 << 11)
        if (frame_id, extended) in layouts:
            continue
        fd = rng.random() < 0.3
        length = rng.choice(FD_LENGTHS) if fd and rng.random() < 0.8 else rng.choice([8, 8, 8, rng.randint(0, 8)])
        layout = random_message(rng, length, half=seed % DUMPED != 0)
        layouts[frame_id, extended] = layout
        can_id = frame_id | extended << 31
        head.append(f"BO_ {can_id} M{len(layouts)}: {length} A")
        head += [signal.statement() for signal in layout.signals] + [""]
        tail.append(f'BA_ "VFrameFormat" BO_ {can_id} {extended + 14 * fd};')
        tail += statements_after(can_id, layout)
    return "\n".join(head + tail) + "\n", layouts


# ---------------------------------------------------------------------------------------------- payloads

def put(data, bits, raw):
    for at, bit in enumerate(bits):
        if bit // 8 < len(data):
            data[bit // 8] = data[bit // 8] & ~(1 << bit % 8) | (raw >> at & 1) << bit % 8


def get(data, bits):
    return sum((data[bit // 8] >> bit % 8 & 1) << at for at, bit in enumerate(bits))


def random_payload(rng, layout):
    data = bytearray(rng.randbytes(layout.length))
    if rng.random() < 0.1:
        data = bytearray([rng.choice([0, 255])] * layout.length)
    for signal in layout.signals:  # parents stand before their children
        if signal.mux.endswith("M") and rng.random() < 0.85:
            choices = [s.ranges for s in layout.signals if s.parent is signal]
            if choices:
                first, last = rng.choice(rng.choice(choices))
                put(data, signal.bits, rng.randint(first, last))
    kind = rng.random()
    if kind < 0.15:
        shorter = [n for n in LENGTHS if n < layout.length]
        data = data[:rng.choice(shorter)] if shorter else data
    elif kind < 0.3:
        longer = [n for n in LENGTHS if n > layout.length]
        data += rng.randbytes(rng.choice(longer) - layout.length) if longer else b""
    return bytes(data)


# ---------------------------------------------------------------------------------------------- cantools

def decode_node(node, length, data, raw, scaled):
    """What cantools decodes of one level of the multiplexer tree and below. It is walked here because cantools gives up
    at an unknown selector value and follows scaled selectors."""
    from cantools.database.utils import decode_data
    arguments = (data, length, node["signals"], node["formats"], False)
    level = decode_data(*arguments, False, True, True)
    raw.update(level)
    scaled.update(decode_data(*arguments, True, True, True))
    for name, branches in node["multiplexers"].items():
        if name in level and level[name] in branches:
            decode_node(branches[level[name]], length, data, raw, scaled)


def reference(message, data):
    raw, scaled = {}, {}
    decode_node(message._codecs, message.length, data, raw, scaled)
    return raw, scaled


# ---------------------------------------------------------------------------------------------- comparison

class Report:
    FIELDS = ("messages", "payloads", "signals", "rounded", "floats", "blobs", "inactive", "truncated", "encoded",
              "by_value")

    def __init__(self):
        for field in self.FIELDS:
            setattr(self, field, 0)
        self.problems = []

    def add(self, other):
        for field in self.FIELDS:
            setattr(self, field, getattr(self, field) + getattr(other, field))
        self.problems += other.problems

    def counts(self):
        return {field: getattr(self, field) for field in self.FIELDS}


def number(value):
    return float(value) if isinstance(value, str) else value  # "nan", "inf", "-inf"


def same_double(a, b):
    return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))


def raw_problem(signal, got, want, data, report):
    width = len(signal.bits)
    if signal.float:
        report.floats += 1
        pattern = get(data, signal.bits)
        if not math.isnan(want):
            kind = FLOAT_FORMATS[width]
            pattern_of_want = int.from_bytes(struct.pack(">" + kind, want), "big")
            if pattern_of_want != pattern:
                return f"the test itself: bits {pattern:x}, cantools {want!r}"
        if int(got["bits"], 16) != pattern:
            return f"bits {got['bits']}, expected {pattern:0{width // 4}x}"
        return None
    if width > 64:
        report.blobs += 1
        mask = (1 << width) - 1
        return None if int(got["raw"], 16) == want & mask else f"raw {got['raw']}, expected {want & mask:x}"
    return None if got["raw"] == want else f"raw {got['raw']}, expected {want}"


def value_problem(signal, got, raw, want, report):
    if len(signal.bits) > 64:
        return None
    ours = number(got["value"])
    twice = float(raw) * float(signal.factor) + float(signal.offset)
    if isinstance(want, int):
        if ours == want and (isinstance(ours, int) or abs(want) <= 1 << 53):
            return None
    elif same_double(float(ours), want):
        return None
    if abs(raw) > 1 << 53 or (isinstance(want, int) and abs(want) > 1 << 53):
        report.rounded += 1
        if same_double(float(ours), twice):
            return None
    return f"value {ours!r}, expected {want!r} (raw {raw}, factor {signal.factor}, offset {signal.offset})"


def check_payload(layout, message, data, got, report):
    raw, scaled = reference(message, data)
    report.payloads += 1
    report.truncated += len(data) < layout.length
    report.inactive += len(layout.signals) - len(raw)
    problems = [f"{name}: decoded, cantools does not" for name in got.keys() - raw.keys()]
    for signal in layout.signals:
        if signal.name not in raw:
            continue
        report.signals += 1
        mine = got.get(signal.name)
        if mine is None:
            problems.append(f"{signal.name}: not decoded")
            continue
        problem = (raw_problem(signal, mine, raw[signal.name], data, report) or
                   value_problem(signal, mine, raw[signal.name], scaled[signal.name], report))
        if problem is None and mine.get("text") != signal.texts.get(raw[signal.name]):
            problem = f"text {mine.get('text')!r}, expected {signal.texts.get(raw[signal.name])!r}"
        if problem is not None:
            problems.append(f"{signal.name}: {problem}")
    return problems


def reversible(signal, raw):
    """Whether value and back is exact: the two roundings stay far below half a step."""
    if signal.float or len(signal.bits) > 64 or float(signal.factor) == 0 or signal.texts:
        return False
    steps = 4 * abs(raw) + 4 * abs(float(signal.offset) / float(signal.factor))
    return steps * 2.0 ** -53 < 0.25


def assignment(signal, raw, scaled, by_value):
    if len(signal.bits) > 64:
        width = len(signal.bits)
        return f"{signal.name}={raw & (1 << width) - 1:0{(width + 7) // 8 * 2}x}"
    if signal.float:
        pattern = int.from_bytes(struct.pack(">" + FLOAT_FORMATS[len(signal.bits)], raw), "big")
        return f"{signal.name}:raw=0x{pattern:x}"
    return f"{signal.name}={scaled!r}" if by_value else f"{signal.name}:raw={raw}"


def check_encode(rng, path, layout, message, report):
    """One payload's signals, half of them by raw and half by physical value, to bytes and back."""
    data = bytes(random_payload(rng, layout)[:layout.length].ljust(layout.length, b"\0"))
    raw, scaled = reference(message, data)
    signals = [s for s in layout.signals if s.name in raw and not (s.float and math.isnan(raw[s.name]))]
    if any(s.mux.endswith("M") and not s.mux.startswith("m") and s.name not in raw for s in layout.signals):
        return None
    for selector in (s for s in signals if s.mux.endswith("M")):
        if not any(first <= raw[selector.name] <= last for s in layout.signals if s.parent is selector
                   for first, last in s.ranges):
            return None  # cantools refuses selector values that no branch has
    given = []
    for signal in signals:
        by_value = not signal.mux.endswith("M") and rng.random() < 0.5 and reversible(signal, raw[signal.name])
        report.by_value += by_value
        given.append(assignment(signal, raw[signal.name], scaled[signal.name], by_value))
    rng.shuffle(given)
    values = {s.name: raw[s.name] for s in layout.signals if s.name in raw}
    missing = [s for s in layout.signals if s.name in raw and s not in signals]
    for signal in missing:
        values[signal.name] = 0.0
    want = message.encode(values, scaling=False, strict=False)
    done = subprocess.run([BIN, "encode", "--any-value", "--dbc", path, message.name, *given], capture_output=True, text=True, check=False)
    report.encoded += 1
    if done.returncode != 0:
        return f"encode: exit {done.returncode}: {done.stderr.strip()} ({' '.join(given)})"
    body = done.stdout.strip().split("#")[-1] if "##" not in done.stdout else done.stdout.strip().split("##")[1][1:]
    got = bytes.fromhex(body)
    if got[:len(want)] != want or any(got[len(want):]):
        return f"encode: {got.hex()}, expected {want.hex()} ({' '.join(given)})"
    return None


# ---------------------------------------------------------------------------------------------- running

def log_line(number_, frame_id, extended, data):
    can_id = f"{frame_id:08X}" if extended else f"{frame_id:03X}"
    return f"({number_}.000000) can0 {can_id}{'##1' if len(data) > 8 else '#'}{data.hex().upper()}\n"


def check_database(seed, folder):
    """Every message of one database; returns a Report."""
    import cantools
    report = Report()
    rng = random.Random(seed ^ 0x5EED)
    text, layouts = random_database(seed)
    try:
        database = cantools.database.load_string(text, "dbc", strict=True)
        if seed % DUMPED == 0:
            text = database.as_dbc_string(sort_signals=None)
            database = cantools.database.load_string(text, "dbc", strict=True)
    except Exception as error:  # the generator's fault, or a case cantools cannot load: neither may pass unseen
        report.problems.append(f"database {seed}: cantools: {type(error).__name__}: {error}")
        return report
    path = os.path.join(folder, f"{seed}.dbc")
    pathlib.Path(path).write_text(text, encoding="cp1252")
    messages = {(m.frame_id, m.is_extended_frame): m for m in database.messages}
    frames = [(key, random_payload(rng, layout)) for key, layout in layouts.items() for _ in range(PAYLOADS_EACH)]
    lines = "".join(log_line(at, *key, data) for at, (key, data) in enumerate(frames, 1))
    done = subprocess.run([BIN, "decode", "--dbc", path, "-"], input=lines, capture_output=True, text=True, check=False)
    answers = {int(answer["t"]): answer for answer in map(json.loads, done.stdout.splitlines())}
    if done.returncode != 0 or "error:" in done.stderr:
        report.problems.append(f"database {seed}: decode: exit {done.returncode}: {done.stderr.strip()[:300]}")
    report.messages = len(layouts)
    for at, (key, data) in enumerate(frames, 1):
        where = f"database {seed}, {messages[key].name}, {data.hex()}"
        if at not in answers:
            report.problems.append(f"{where}: no answer")
            continue
        problems = check_payload(layouts[key], messages[key], data, answers[at]["signals"], report)
        report.problems += [f"{where}: {problem}" for problem in problems]
    for key, layout in layouts.items():
        problem = check_encode(rng, path, layout, messages[key], report)
        if problem is not None:
            report.problems.append(f"database {seed}, {messages[key].name}: {problem}")
    os.unlink(path)
    return report


def run(first, count, done, checkpoint):
    """Databases first + done ... first + count, two at a time; returns the Report of these."""
    import tempfile
    total = Report()
    with tempfile.TemporaryDirectory(prefix="cantwin-property-") as folder, \
            concurrent.futures.ProcessPoolExecutor(2) as pool:
        for at in range(done, count, 8):
            seeds = range(first + at, first + min(count, at + 8))
            for report in pool.map(check_database, seeds, [folder] * len(seeds)):
                total.add(report)
            checkpoint(at + len(seeds), total)
            if len(total.problems) > 20:
                break
    return total


def show(report, seed):
    for problem in report.problems[:20]:
        print("# " + problem)
    c = report.counts()
    print(f"# seed {seed}: {c['messages']} messages, {c['payloads']} payloads ({c['truncated']} truncated), "
          f"{c['signals']} signals decoded, {c['inactive']} inactive or cut off, {c['floats']} floats, {c['blobs']} over "
          f"64 bits, {c['rounded']} beyond 2^53 after rounding twice; {c['encoded']} encoded, {c['by_value']} signals of "
          f"them by physical value")
    good = not report.problems and report.signals > 0 and report.encoded > 0
    print(f"{'ok' if good else 'not ok'} dbc_property: {c['messages']} messages of random databases as cantools has them"
          f"{'' if good else f': {len(report.problems)} problems, seed {seed}'}", flush=True)
    return 0 if good else 1


def long_run(seed, databases):
    STATE.mkdir(parents=True, exist_ok=True)
    path = STATE / "progress.json"
    before = json.loads(path.read_text()) if path.exists() else {"seed": seed, "done": 0, "counts": {}}
    if before["done"] >= databases:
        before = {"seed": seed, "done": 0, "counts": {}}
    resumed = Report()
    for field, value in before["counts"].items():
        setattr(resumed, field, value)

    def checkpoint(done, total):
        if not total.problems:
            counts = {field: getattr(resumed, field) + getattr(total, field) for field in Report.FIELDS}
            path.write_text(json.dumps({"seed": before["seed"], "done": done, "counts": counts}) + "\n")

    resumed.add(run(before["seed"], databases, before["done"], checkpoint))
    return show(resumed, before["seed"])


def main():
    long = bool(os.environ.get("CANTWIN_LONG"))
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].splitlines()[0])
    parser.add_argument("--messages", type=int,
                        default=int(os.environ.get("CANTWIN_PROPERTY_MESSAGES") or (100000 if long else 5000)))
    parser.add_argument("--seed", type=int, default=int(time.time()) & 0xFFFFFF)
    parser.add_argument("--database", type=int)
    options = parser.parse_args()
    if options.database is not None:
        print(random_database(options.database)[0])
        return show(run(options.database, 1, 0, lambda *_: None), options.database)
    databases = -(-options.messages // MESSAGES_EACH)
    if long:
        return long_run(options.seed, databases)
    return show(run(options.seed, databases, 0, lambda *_: None), options.seed)


if __name__ == "__main__":
    sys.exit(main())
