#!/usr/bin/env python3
"""Instructions a frame on arm64: the codec, frame by frame, beside C code that cantools generates for the same database.

Cross-compiled (gcc -O2), run under qemu-user with a plugin that counts (count_plugin.c); the difference of a run that
decodes all frames once and one that decodes none. Says nothing about time: processors do several instructions at once.
Workloads as in decode_bench.py.

Lines: `# ...` figures, `ok`, `not ok`, `skip`. The figures are not judged.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from glob import glob

import decode_bench

CROSS, QEMU = "aarch64-linux-gnu-gcc", "qemu-aarch64"
HERE = os.path.dirname(os.path.realpath(__file__))
FRAMES = 8192
WAYS = ("generated", "scalar", "neon")


def compile_all(folder):
    plugin = os.path.join(folder, "count.so")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", os.path.join(HERE, "count_plugin.c"), "-o", plugin], check=True)
    program = os.path.join(folder, "count_decode")
    sources = glob(os.path.join(decode_bench.SOURCE, "dbc", "dbc*.c")) + \
        glob(os.path.join(decode_bench.SOURCE, "dbc", "codec*.c")) + \
        [os.path.join(decode_bench.SOURCE, "base", "errors.c"), os.path.join(HERE, "count_decode.c"),
         os.path.join(folder, "g.c"), os.path.join(folder, "wrapper.c")]
    includes = [os.path.join(decode_bench.SOURCE, "dbc"), os.path.join(decode_bench.SOURCE, "base"), HERE, folder]
    subprocess.run([CROSS, "-D_GNU_SOURCE", "-O2", "-ffp-contract=off", "-static"] + ["-I" + path for path in includes] +
                   sources + ["-o", program, "-lm"], check=True)
    return plugin, program


def count(plugin, program, arguments, way, passes):
    done = subprocess.run([QEMU, "-plugin", plugin, program] + arguments + [way, str(passes)], check=True,
                          capture_output=True, text=True)
    return int(re.search(r"instructions (\d+)", done.stderr)[1])


def run(workload):
    import cantools
    from cantools.database.can.c_source import camel_to_snake_case
    name, kind, dbc, log = workload
    path = os.path.join(decode_bench.CORPUS, "dbc", dbc)
    messages = decode_bench.usable_messages(cantools.database.load_file(path, strict=False))
    stride = decode_bench.stride_of(messages)
    packed = decode_bench.frames_of(messages, log, stride)[1][:FRAMES * stride]
    with tempfile.TemporaryDirectory() as folder:
        decode_bench.build(folder, path, messages, camel_to_snake_case)
        frames = os.path.join(folder, "frames.bin")
        with open(frames, "wb") as file:
            file.write(packed)
        plugin, program = compile_all(folder)
        arguments = [path, frames, str(stride)]
        figures = [(count(plugin, program, arguments, way, 1) - count(plugin, program, arguments, way, 0)) * stride /
                   len(packed) for way in WAYS]
    print("# %s (%s): instructions a frame: %s" % (name, kind, ", ".join(
        "%s %.0f (%.2f)" % (way, figure, figure / figures[0]) for way, figure in zip(WAYS, figures))))
    good = min(figures) > 0
    print("%sok arm64_count_%s" % ("" if good else "not ", name.replace(" ", "_")), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--match", default=".", help="workloads by name")
    arguments = parser.parse_args()
    missing = [tool for tool in (CROSS, QEMU) if shutil.which(tool) is None]
    if missing or not os.path.isdir(os.path.join(decode_bench.CORPUS, "dbc")):
        why = "no " + (missing[0] if missing else "corpus at " + decode_bench.CORPUS)
        print("%s arm64_count: %s" % ("not ok" if os.environ.get("CI") == "true" else "skip", why))
        return os.environ.get("CI") == "true"
    good = True
    # by default the first and the last, all with CANTWIN_LONG: an emulator takes its time
    workloads = decode_bench.WORKLOADS if os.environ.get("CANTWIN_LONG") else decode_bench.WORKLOADS[::len(decode_bench.WORKLOADS) - 1]
    for workload in workloads:
        if re.search(arguments.match, workload[0]):
            good = run(workload) and good
    return not good


if __name__ == "__main__":
    decode_bench.use_venv()
    sys.exit(main())
