#!/usr/bin/env python3
"""AUTOSAR E2E against the Python package autosar-e2e: random frames that it protects must be accepted, the same frames
with one wrong bit refused, and what `cantwin encode` fills must pass its check.

The seed is printed; CANTWIN_SEED repeats a run.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

try:
    from e2e import p01, p02, p04, p05, p06, p07, p11
except ImportError:
    print("skip e2e_python: the Python package autosar-e2e is not installed")
    sys.exit(0)

BIN = os.path.join(os.environ["CANTWIN_BIN"], "cantwin")
SEED = int(os.environ.get("CANTWIN_SEED", random.randrange(1 << 32)))
FRAMES = 300  # of each message
COUNTER = {"P01": slice(1, 2), "P02": slice(1, 2), "P11": slice(1, 2), "P04": slice(2, 4), "P05": slice(2, 3),
           "P06": slice(4, 5), "P07": slice(12, 16)}  # bytes of the header that hold it
LIST = [3, 141, 59, 26, 53, 58, 97, 93, 23, 84, 62, 64, 33, 83, 27, 95]


def lengths(first):
    return [n for n in (8, 12, 16, 20, 24, 32, 48, 64) if n >= first]


def profiles():
    """name, rule, length, protect(data), check(data)"""
    for mode, number in (("both", p01.E2E_P01_DATAID_BOTH), ("alternate", p01.E2E_P01_DATAID_ALT),
                         ("low", p01.E2E_P01_DATAID_LOW), ("nibble", p01.E2E_P01_DATAID_NIBBLE)):
        for length in (8, 32):
            yield (f"P01_{mode.upper()}_{length}", f"scheme: e2e-p01, id_mode: {mode}, data_id: 0x5A7", length,
                   lambda d, n=number: p01.e2e_p01_protect(d, 0x5A7, data_id_mode=n),
                   lambda d, n=number: p01.e2e_p01_check(d, 0x5A7, data_id_mode=n))
    for mode, number in (("both", p11.E2E_P11_DATAID_BOTH), ("nibble", p11.E2E_P11_DATAID_NIBBLE)):
        yield (f"P11_{mode.upper()}", f"scheme: e2e-p11, id_mode: {mode}, data_id: 0x5A7", 8,
               lambda d, n=number: p11.e2e_p11_protect(d, 0x5A7, data_id_mode=n),
               lambda d, n=number: p11.e2e_p11_check(d, 0x5A7, data_id_mode=n))
    for length in (8, 32):
        yield (f"P02_{length}", f"scheme: e2e-p02, data_ids: {LIST}", length,
               lambda d: p02.e2e_p02_protect(d, bytes(LIST)), lambda d: p02.e2e_p02_check(d, bytes(LIST)))
    for name, module, first, ident in (("p04", p04, 12, 0x12345678), ("p05", p05, 3, 0x1234), ("p06", p06, 5, 0x1234),
                                       ("p07", p07, 20, 0x12345678)):
        protect, check = getattr(module, f"e2e_{name}_protect"), getattr(module, f"e2e_{name}_check")
        for length in lengths(first):
            yield (f"{name.upper()}_{length}", f"scheme: e2e-{name}, data_id: {ident:#x}", length,
                   lambda d, p=protect, i=ident: p(d, i), lambda d, c=check, i=ident: c(d, i))


def write_files(folder, rows):
    dbc = ["BU_: A", *(f"BO_ {256 + i} {name}: {length} A" for i, (name, _, length, _, _) in enumerate(rows)),
           'BA_DEF_ BO_ "VFrameFormat" ENUM ' + ",".join(f'"{n}"' for n in range(14)) + ',"StandardCAN_FD";',
           *(f'BA_ "VFrameFormat" BO_ {256 + i} 14;' for i in range(len(rows)))]
    with open(os.path.join(folder, "e2e.dbc"), "w", encoding="utf-8") as file:
        file.write("\n".join(dbc) + "\n")
    with open(os.path.join(folder, "rules.yaml"), "w", encoding="utf-8") as file:
        file.write("rules:\n" + "".join(f"  - {{message: {name}, {rule}}}\n" for name, rule, _, _, _ in rows))


def decode(folder, lines):
    log = os.path.join(folder, "frames.log")
    with open(log, "w", encoding="utf-8") as file:
        file.write("".join(lines))
    done = subprocess.run([BIN, "decode", "--dbc", os.path.join(folder, "e2e.dbc"), "--protection",
                           os.path.join(folder, "rules.yaml"), log], capture_output=True, text=True, check=True)
    return [(row["name"], row["protection"]) for row in map(json.loads, done.stdout.splitlines())]


def line(number, data):
    return f"({len(data)}.000000) can0 {256 + number:03X}##1{data.hex().upper()}\n"


def report(name, problems):
    print(f"{'not ok' if problems else 'ok'} e2e_python {name}" + (f": {problems[:3]}" if problems else ""))
    return not problems


def main():
    print(f"# seed {SEED}")
    rng = random.Random(SEED)
    rows = list(profiles())
    good, bad = [], []
    for number, (name, _, length, protect, _) in enumerate(rows):
        counter = bytes(length)[COUNTER[name[:3]]]
        for _ in range(FRAMES):
            data = bytearray(rng.randbytes(length))
            data[COUNTER[name[:3]]] = counter  # the package counts on from what stands in the frame
            protect(data)
            counter = bytes(data[COUNTER[name[:3]]])
            good.append(line(number, data))
            flipped = data[:]
            flipped[rng.randrange(length)] ^= 1 << rng.randrange(8)
            bad.append(line(number, flipped))
    with tempfile.TemporaryDirectory() as folder:
        write_files(folder, rows)
        fine = report("protected_frames_are_accepted", [r for r in decode(folder, good) if r[1] != "ok"])
        fine = report("one_wrong_bit_is_refused", [r for r in decode(folder, bad) if r[1] != "checksum"]) and fine
        wrong = []
        for name, _, _, _, check in rows:
            done = subprocess.run([BIN, "encode", "--dbc", os.path.join(folder, "e2e.dbc"), "--protection",
                                   os.path.join(folder, "rules.yaml"), "--counter", str(rng.randrange(15)), name],
                                  capture_output=True, text=True, check=True)
            if not check(bytearray.fromhex(done.stdout.strip().split("##1")[1])):
                wrong.append((name, done.stdout.strip()))
        fine = report("encoded_frames_pass_its_check", wrong) and fine
    print(f"# {len(good)} frames of {len(rows)} messages")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
