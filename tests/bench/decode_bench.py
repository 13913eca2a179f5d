#!/usr/bin/env python3
"""Decoding to physical doubles: the codec's paths beside C code that cantools generates for the same database.

The code is generated and compiled (gcc -O2) here, in a temporary folder, and called through a switch on the id; it
checks lengths and multiplexers as cantools writes it. Both run over the same frames, turn and turn about in one process
(decode_bench.c), and every value is compared. Workloads: uniformly random ids and payloads (multiplexer values drawn
from those that the database lists), and a recorded drive. Medians; ns a frame; ratio to the generated code.

Lines: `# ...` figures, `ok` / `not ok` that the values are the same, `skip`. Times are not judged.
"""
import argparse
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TEST_BIN = os.environ.get("CANTWIN_TEST_BIN", os.path.join(SOURCE, "build", "test", "tests"))
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(SOURCE, "..", "shared", "corpus"))
VENV = os.environ.get("CANTWIN_VENV", os.path.expanduser("~/.cache/cantwin/venv"))
FRAMES = 65536
PYTHON_FRAMES = 4000
CLASSIC_STRIDE, FD_STRIDE = 16, 72
WORKLOADS = (
    ("hyundai", "large, Intel", "opendbc/hyundai_2015_ccan.dbc", None),
    ("ford", "large, Motorola", "opendbc/ford_lincoln_base_pt.dbc", None),
    ("hyundai fd", "CAN FD", "opendbc_generated/hyundai_canfd_generated.dbc", None),
    ("model3", "heavily multiplexed", "model3dbc/Model3CAN.dbc", None),
    ("rav4", "recorded drive", "opendbc_generated/toyota_new_mc_pt_generated.dbc",
     "comma2k19/rav4_2017_first30s.candump.log.zst"),
)
# dbcppp 3.8.0 needs a build of its own; measured once on a machine of this kind (-O2): the loop of its README, and signal
# pointers flattened by the user; ns a frame, ratio to generated C in that measurement
DBCPPP = {"hyundai": (("README", 231, 7.3), ("flattened", 89, 2.8)), "ford": (("README", 211, 7.5), ("flattened", 63, 2.3)),
          "rav4": (("README", 134, 12.2), ("flattened", 42, 3.8))}
PATHS = ("scalar", "neon", "avx2", "avx512")


def usable(message):
    """What both sides decode whole: generated code is wrong over 64 bits and refuses what lies outside the message."""
    return (0 < len(message.signals) and message.length <= 64 and all(s.length <= 64 for s in message.signals)
            and all(positions(s)[-1] < 8 * message.length for s in message.signals))


def positions(signal):
    """Bits of the payload, byte * 8 + bit in the byte, most significant first for Motorola, else least; last is the
    furthest byte in either case."""
    bits, at = [], signal.start
    for _ in range(signal.length):
        bits.append(at)
        at = at + 1 if signal.byte_order == "little_endian" else (at - 1 if at % 8 else at + 15)
    return bits


def put(payload, signal, value):
    bits = positions(signal)
    for k, at in enumerate(bits if signal.byte_order == "little_endian" else reversed(bits)):
        payload[at // 8] = payload[at // 8] & ~(1 << at % 8) | (value >> k & 1) << at % 8


def choose(rng, message, tree, payload):
    """Draws multiplexer values from those that have branches."""
    for node in tree:
        if isinstance(node, dict):
            for name, branches in node.items():
                value = rng.choice(list(branches))
                put(payload, message.get_signal_by_name(name), value)
                choose(rng, message, branches[value], payload)


def key_of(message):
    return message.frame_id | (0x80000000 if message.is_extended_frame else 0)


def pack(key, payload, stride):
    return struct.pack("<IB3x", key, len(payload)) + bytes(payload) + bytes(stride - 8 - len(payload))


def random_frames(messages, stride):
    rng = random.Random(1)
    frames = []
    for _ in range(FRAMES):
        message = rng.choice(messages)
        payload = bytearray(rng.randbytes(message.length))
        choose(rng, message, message.signal_tree, payload)
        frames.append((key_of(message), payload))
    return frames, b"".join(pack(key, payload, stride) for key, payload in frames)


def drive_frames(path, stride):
    text = subprocess.run(["zstd", "-dc", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    frames = []
    for line in text.splitlines():
        fields = line.split()
        match = re.fullmatch(r"([0-9A-F]+)#([0-9A-F]*)", fields[2])
        if fields[1] == "can0" and fields[3] == "R" and match:
            key = int(match[1], 16) | (0x80000000 if len(match[1]) > 3 else 0)
            frames.append((key, bytes.fromhex(match[2])))
    return frames, b"".join(pack(key, payload, stride) for key, payload in frames)


def usable_messages(database):
    """Of several with one id the last, as both sides have it."""
    return list({key_of(message): message for message in database.messages if usable(message)}.values())


def stride_of(messages):
    return CLASSIC_STRIDE if max(message.length for message in messages) <= 8 else FD_STRIDE


def frames_of(messages, log, stride):
    """As (key, payload), and packed."""
    return drive_frames(os.path.join(CORPUS, "logs", log), stride) if log else random_frames(messages, stride)


# ---- the generated code and what calls it

def decode_tree(prefix, message, snake, tree, slots, indent):
    lines = []
    for node in tree:
        name = next(iter(node)) if isinstance(node, dict) else node
        field = snake(name)
        lines.append("%svalues[%d] = %s_%s_decode(m.%s);" % (indent, len(slots), prefix, field, field))
        slots.append(name)
        if isinstance(node, dict):
            lines.append("%sswitch (m.%s) {" % (indent, field))
            for value, branch in node[name].items():
                lines.append("%scase %d:" % (indent, value))
                lines += decode_tree(prefix, message, snake, branch, slots, indent + "    ")
                lines.append("%s    break;" % indent)
            lines.append("%sdefault: break;\n%s}" % (indent, indent))
    return lines


def wrapper(messages, snake):
    names, cases, slot_cases = [], [], []
    for message in messages:
        prefix = "g_" + snake(message.name)
        slots = []
        body = decode_tree(prefix, message, snake, message.signal_tree, slots, "        ")
        cases.append("    case 0x%xu: {\n        struct %s_t m;\n        if (%s_unpack(&m, frame + 8, frame[4]) != 0)"
                     " return -1;\n%s\n        return %d; }" % (key_of(message), prefix, prefix, "\n".join(body),
                                                               len(slots)))
        names.append("static const char *const n%x[] = {%s};" % (key_of(message),
                                                                ", ".join(json.dumps(s) for s in slots)))
        slot_cases.append("    case 0x%xu: return n%x[slot];" % (key_of(message), key_of(message)))
    return """#include "g.h"
#include "generated.h"
#include <string.h>
#define EXPORT __attribute__((visibility("default")))
static int one(const uint8_t *frame, double *values)
{
    uint32_t key;
    memcpy(&key, frame, sizeof key);
    switch (key) {
%s
    default: return -1;
    }
}
EXPORT int generated_one(const uint8_t *frame, double *values) { return one(frame, values); }
EXPORT void generated_run(const uint8_t *frames, size_t count, size_t stride, double *values)
{
    for (size_t i = 0; i < count; i++) { (void)one(frames + i * stride, values); }
}
%s
EXPORT const char *generated_slot(const uint8_t *frame, int slot)
{
    uint32_t key;
    memcpy(&key, frame, sizeof key);
    switch (key) {
%s
    default: return "";
    }
}
""" % ("\n".join(cases), "\n".join(names), "\n".join(slot_cases))


def build(folder, path, messages, snake):
    generate = [os.path.join(VENV, "bin", "python"), "-m", "cantools", "generate_c_source", "--no-strict",
                "--database-name", "g", "-o", folder, path]
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, "wrapper.c"), "w") as file:
        file.write(wrapper(messages, snake))
    compiler = ["gcc", "-O2", "-fPIC", "-fvisibility=hidden", "-I", folder, "-I", os.path.join(SOURCE, "tests", "bench")]
    for name in ("g", "wrapper"):
        subprocess.run(compiler + ["-c", os.path.join(folder, name + ".c"), "-o", os.path.join(folder, name + ".o")],
                       check=True)
    shared = os.path.join(folder, "g.so")
    subprocess.run(["gcc", "-shared", "-o", shared] + [os.path.join(folder, n + ".o") for n in ("g", "wrapper")],
                   check=True)
    return shared


def python_ns(database, frames):
    """cantools' own decoder, ns a frame."""
    by_key = {key_of(message): message for message in database.messages}
    sample = frames[:PYTHON_FRAMES]
    begin = time.process_time()
    for key, payload in sample:
        message = by_key.get(key)
        if message is not None:
            try:
                message.decode(payload, decode_choices=False)
            except Exception:  # an overlap or a value without branch: it loses the frame
                pass
    return (time.process_time() - begin) * 1e9 / len(sample)


# ---- one workload

def show(name, kind, result, python):
    """ns a frame: median and the quarters around it. Ratio of medians and, in brackets, of the fastest turns, to the
    generated code in turn with the same path."""
    paths = [path for path in PATHS if path in result]
    signals = result["signals"] / result["frames"]
    generated = sorted((result[path]["generated"] for path in paths), key=lambda times: times[2])[len(paths) // 2]
    print("# %s (%s): %d frames, %.1f signals each" % (name, kind, result["frames"], signals))
    print("#   %-36s %8s %15s %9s %6s" % ("", "ns/frame", "quarters", "ns/signal", "ratio"))
    row = "#   %-36s %8.1f %15s %9.2f %6.2f"

    def line(title, times, base):
        print((row + " (%.2f)") % (title, times[2], "%.1f..%.1f" % (times[1], times[3]), times[2] / signals,
                                   times[2] / base[2], times[0] / base[0]))
    line("cantools generated C", generated, generated)
    for path in paths:
        line("cantwin %s, in batches of 64" % path, result[path]["batch"], result[path]["generated"])
        line("cantwin %s, frame by frame" % path, result[path]["single"], result[path]["generated"])
    print(row % ("cantools Python (measured here)", python, "", python / signals, python / generated[2]))
    for how, ns, ratio in DBCPPP.get(name, ()):
        print(row % ("dbcppp, %s (quoted)" % how, ns, "", ns / signals, ratio))


def run(workload, repetitions):
    import cantools
    from cantools.database.can.c_source import camel_to_snake_case
    name, kind, dbc, log = workload
    path = os.path.join(CORPUS, "dbc", dbc)
    database = cantools.database.load_file(path, strict=False)
    messages = usable_messages(database)
    stride = stride_of(messages)
    frames, packed = frames_of(messages, log, stride)
    with tempfile.TemporaryDirectory() as folder:
        shared = build(folder, path, messages, camel_to_snake_case)
        frame_file = os.path.join(folder, "frames.bin")
        with open(frame_file, "wb") as file:
            file.write(packed)
        harness = [os.path.join(TEST_BIN, "decode_bench"), path, shared, frame_file, str(stride), str(repetitions)]
        result = json.loads(subprocess.run(harness, check=True, stdout=subprocess.PIPE).stdout)
    show(name, kind, result, python_ns(database, frames))
    good = result["compared"] > 0 and result["different"] == 0 and result["only_generated"] == 0
    print("%sok values_%s: %d equal, %d one ulp apart, %d over 52 bits in which the generated code loses bits, "
          "%d different, %d missing" % ("" if good else "not ", name.replace(" ", "_"), result["equal"],
                                       result["one_ulp"], result["lost_bits"], result["different"],
                                       result["only_generated"]))
    return good, result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=31)
    parser.add_argument("--match", default=".", help="workloads by name")
    arguments = parser.parse_args()
    if not os.path.isdir(os.path.join(CORPUS, "dbc")):
        print("%s decode_bench: no corpus at %s" % ("not ok" if os.environ.get("CI") == "true" else "skip", CORPUS))
        return os.environ.get("CI") == "true"
    good = True
    for workload in WORKLOADS:
        if re.search(arguments.match, workload[0]):
            good = run(workload, arguments.repetitions)[0] and good
    return not good


def use_venv():
    """Runs the script again with the interpreter that has cantools."""
    interpreter = os.path.join(VENV, "bin", "python")
    if os.path.exists(interpreter) and os.path.realpath(sys.prefix) != os.path.realpath(VENV):
        os.execv(interpreter, [interpreter] + sys.argv)


if __name__ == "__main__":
    use_venv()
    sys.exit(main())
