#!/usr/bin/env python3
"""Dense deliveries read by a decoder written from docs/dense.md alone, beside the records they stand for as the Python protobuf runtime
reads them."""

import os
import struct
import subprocess
import sys

import cantwin_pb

TOOL = os.path.join(os.environ.get("CANTWIN_TEST_BIN", "build/test/tests"), "dense_tool")
M64 = 2**64
RAW, DOUBLE, BYTES, STRING = range(4)


def signed(value):
    value %= M64
    return value - M64 if value >= M64 // 2 else value


def zigzag(value):
    return (value << 1 ^ value >> 63) % M64


def unzigzag(value):
    return value >> 1 ^ -(value & 1)


class Lean:
    def __init__(self):
        self.lean, self.seen = 0, 0


class Number:
    def __init__(self):
        self.length = [Lean() for _ in range(16)]
        self.second = [Lean() for _ in range(16)]


class Coder:
    def __init__(self, data):
        self.data, self.at, self.range, self.value = data, 0, 2**32 - 1, 0
        for _ in range(4):
            self.value = self.value << 8 | self.byte()

    def byte(self):
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def widen(self):
        while self.range < 2**24:
            self.range <<= 8
            self.value = (self.value << 8 | self.byte()) % 2**32

    def bit(self, m):
        bound = (self.range >> 16) * min(max(32768 + m.lean, 32), 65504)
        one = self.value < bound
        if one:
            self.range = bound
        else:
            self.value -= bound
            self.range -= bound
        self.widen()
        step = ((32767 if one else -32768) - m.lean) * (131072 // (2 * m.seen + 3))
        m.lean += abs(step) // 65536 * (1 if step > 0 else -1)
        m.seen = min(m.seen + 1, 62)
        return int(one)

    def plain(self, count):
        result = 0
        while count:
            bits = min(count, 16)
            count -= bits
            self.range >>= bits
            part = min(self.value // self.range, 2**bits - 1)
            self.value -= part * self.range
            self.widen()
            result = result << bits | part
        return result

    def tree(self, leans, bits):
        node = 1
        for _ in range(bits):
            node = node << 1 | self.bit(leans[node])
        return node - (1 << bits)

    def number(self, m):
        length = self.tree(m.length, 4)
        if length == 15:
            length = min(15 + self.plain(6), 64)
        if length < 2:
            return length
        top = 2 | self.bit(m.second[min(length, 15)])
        return top << (length - 2) | self.plain(length - 2)

    def change(self, m, last):
        return (last + unzigzag(self.number(m))) % M64


class Entry:
    def __init__(self):
        self.last = self.step = self.quality = self.scale = 0
        self.next, self.first = [0, 0], [0, 0]
        self.hits = {"next": 0, "first": 0, "step": 0}
        self.kind = None


class Decoder:
    def __init__(self):
        self.leans = {name: Lean() for name in ("more", "boot", "hash", "quality")}
        self.numbers = {name: Number() for name in ("seq", "base", "offset", "uncertainty", "count", "start", "gap", "quality",
                                                    "double", "length", "next", "first")}
        self.hits = {name: [[Lean() for _ in range(16)] for _ in range(2)] for name in ("next", "first")}
        self.same_step = [Lean() for _ in range(16)]
        self.letters = [Lean() for _ in range(8)]
        self.steps = [Number() for _ in range(16)]
        self.boot, self.hash = bytes(16), bytes(32)
        self.seq = self.base = self.offset = self.uncertainty = 0
        self.forget()

    def forget(self):
        self.entries, self.start = {}, Entry()

    def follower(self, c, entry, which, origin):
        guesses, history = getattr(entry, which), entry.hits[which]
        count = 1 if guesses[0] == guesses[1] else 2
        hit = next((i for i in range(count) if c.bit(self.hits[which][i][history])), None)
        entry.hits[which] = (history << 1 | (hit == 0)) & 15
        value = guesses[hit] if hit is not None else c.change(self.numbers[which], origin)
        if hit != 0:
            guesses[:] = [value, guesses[0]]
        return value

    def value(self, c, e):
        if e.kind == RAW:
            same = c.bit(self.same_step[e.hits["step"]])
            step = e.step if same else c.change(self.steps[min(e.scale // 8, 15)], 0)
            eighths = 8 * min(zigzag(signed(step)).bit_length(), 31)
            moved = (abs(eighths - e.scale) // 4) * (1 if eighths > e.scale else -1)
            e.scale = eighths if e.scale == 0 else e.scale + moved
            e.hits["step"] = (e.hits["step"] << 1 | same) & 15
            e.step, e.last = step, (e.last + step) % M64
            return signed(e.last)
        if e.kind == DOUBLE:
            e.last ^= c.number(self.numbers["double"])
            return struct.pack("<Q", e.last)
        return bytes(c.tree(self.letters, 3) << 5 | c.plain(5) for _ in range(c.number(self.numbers["length"])))

    def samples(self, c, count):
        found, first, us = [], 0, 0
        while len(found) < count:
            before = self.entries[first] if first else self.start
            first = self.follower(c, before, "first", first)
            us = unzigzag(c.number(self.numbers["start"])) if not found else us + 1 + c.number(self.numbers["gap"])
            here = first
            while here:
                e = self.entries.setdefault(here, Entry())
                if not c.bit(self.leans["quality"]):
                    e.quality = c.number(self.numbers["quality"])
                if e.kind is None:
                    e.kind = c.plain(2)
                found.append((here - 1, us, e.quality, e.kind, self.value(c, e)))
                if len(found) == count:
                    break
                here = self.follower(c, e, "next", here)
        return found

    def record(self, c):
        self.seq = c.change(self.numbers["seq"], self.seq) + 1
        if not c.bit(self.leans["boot"]):
            self.boot = bytes(c.plain(8) for _ in range(16))
        if not c.bit(self.leans["hash"]):
            self.hash = bytes(c.plain(8) for _ in range(32))
            self.forget()
        self.base = c.change(self.numbers["base"], self.base)
        self.offset = c.change(self.numbers["offset"], self.offset)
        self.uncertainty = c.change(self.numbers["uncertainty"], self.uncertainty)
        count = c.number(self.numbers["count"])
        head = (self.seq, self.boot, self.hash, signed(self.base), signed(self.base + self.offset), self.uncertainty)
        return head, self.samples(c, count)

    def delivery(self, data):
        c, records = Coder(data), []
        while c.bit(self.leans["more"]):
            records.append(self.record(c))
        return records


def spread(batch, kinds):
    """The samples of a Batch, its columns put together; `kinds` by id."""
    found, ident, last = [], 0, {}
    raws, doubles, strings = iter(batch.raw_step), iter(batch.number), iter(batch.bytes)
    groups = list(zip(batch.dt_us, batch.group)) or [(0, len(batch.id_step))]
    times, us = [], 0
    for step, count in groups:
        us += step
        times += [us] * count
    quality, at = {}, 0
    for gap, flags in zip(batch.quality_gap, batch.quality):
        at += gap
        quality[at] = flags
    for i, step in enumerate(batch.id_step):
        ident += step
        kind = kinds(ident)
        if kind == RAW:
            value = last[ident] = signed(last.get(ident, 0) + next(raws))
        else:
            value = struct.pack("<d", next(doubles)) if kind == DOUBLE else next(strings)
        found.append((ident, times[i], quality.get(i, 0), kind, value))
    return found


def main():
    pb = cantwin_pb.load()
    decoder, records, samples, coded_bytes, plain_bytes = Decoder(), 0, 0, 0, 0
    for line in subprocess.run([TOOL], check=True, capture_output=True, text=True).stdout.splitlines():
        coded, plain = (bytes.fromhex(part) for part in line.split(" "))
        expected = []
        for data in pb.Delivery.FromString(plain).records:
            record = pb.Record.FromString(data)
            b = record.batch
            head = (record.seq, record.boot_id, b.catalogue_hash, b.base_ns, b.base_utc_ns, b.utc_uncertainty_ns)
            expected.append((head, spread(b, lambda ident: ident % 4)))
        found = decoder.delivery(coded)
        if found != expected:
            print(f"not ok dense_python # record {records}: {next(p for p in zip(found, expected) if p[0] != p[1])}"[:2000])
            return 1
        records += len(found)
        samples += sum(len(s) for _, s in found)
        coded_bytes, plain_bytes = coded_bytes + len(coded), plain_bytes + len(plain)
    good = records > 60 and samples > 2000
    print(f"{'ok' if good else 'not ok'} dense_python # {records} records, {samples} samples, {plain_bytes} bytes as {coded_bytes}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
