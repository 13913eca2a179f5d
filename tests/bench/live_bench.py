#!/usr/bin/env python3
"""The gateway's live path (decode, twin update, quality, change tracking; every frame of a recorded drive) beside C code
that cantools generates for the same database, which only decodes: the same frames, turn and turn about in one process
(live_bench.c). Medians; ns a frame over all frames, known or not; ratio to the generated code.

Lines: `# ...` figures, `ok` / `not ok` that nothing is allocated, `skip`. Times are not judged.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import decode_bench as decode

DBC = "dbc/opendbc_generated/toyota_new_mc_pt_generated.dbc"
LOG = "logs/comma2k19/rav4_2017_first30s.candump.log.zst"
STRIDE = 88  # as a struct ct_frame: both sides read as much memory
MAPPING = {"Vehicle": {"type": "branch", "children": {
    name: {"type": "sensor", "datatype": "float", "dbc2vss": dict(rule, signal=signal, message=message)}
    for name, signal, message, rule in (
        ("Speed", "SPEED", "SPEED", {}),
        ("Wheel", "WHEEL_SPEED_FL", "WHEEL_SPEEDS", {"on_change": True}),
        ("Steering", "STEER_ANGLE", "STEER_ANGLE_SENSOR", {"interval_ms": 100}),
        ("Torque", "STEER_TORQUE_DRIVER", "STEER_TORQUE_SENSOR", {"transform": {"math": "x / 10"}}),
    )}}}


def run(folder, shared, frames, repetitions, mapping):
    command = [os.path.join(decode.TEST_BIN, "live_bench"), os.path.join(decode.CORPUS, DBC), shared, frames,
               str(STRIDE), str(repetitions)]
    if mapping is not None:
        path = os.path.join(folder, "mapping.json")
        with open(path, "w") as file:
            json.dump(mapping, file)
        command.append(path)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def show(result, with_paths):
    base = result["generated"]["median"]
    live, read = result["live"]["median"], result["live_and_read"]["median"]
    single = result["live_single"]["median"]
    if with_paths:
        print("#   %-58s %6.1f %6.2f" % ("with four VSS paths derived", live, live / base))
        return
    print("# live path: %d frames of a recorded drive, %.0f %% known, %.1f changes a frame, %d entries"
          % (result["frames"], 100 * result["known"], result["changes"], result["entries"]))
    print("#   %-58s %6s %6s" % ("", "ns", "ratio"))
    print("#   %-58s %6.1f %6.2f" % ("cantools generated C, decoding only", base, 1))
    print("#   %-58s %6.1f %6.2f" % ("cantwin, decoded, in the twin, judged and marked", live, live / base))
    print("#   %-58s %6.1f %6.2f" % ("the same, one frame a call", single, single / base))
    print("#   %-58s %6.1f %6.2f" % ("and a reader of the changes after every call, timers", read, read / base))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=31)
    arguments = parser.parse_args()
    if not os.path.isdir(os.path.join(decode.CORPUS, "dbc")):
        print("%s live_bench: no corpus at %s" % ("not ok" if os.environ.get("CI") == "true" else "skip", decode.CORPUS))
        return os.environ.get("CI") == "true"
    import cantools
    from cantools.database.can.c_source import camel_to_snake_case
    path = os.path.join(decode.CORPUS, DBC)
    database = cantools.database.load_file(path, strict=False)
    messages = list({decode.key_of(m): m for m in database.messages if decode.usable(m)}.values())
    _, packed = decode.drive_frames(os.path.join(decode.CORPUS, LOG), STRIDE)
    with tempfile.TemporaryDirectory() as folder:
        shared = decode.build(folder, path, messages, camel_to_snake_case)
        frames = os.path.join(folder, "frames.bin")
        with open(frames, "wb") as file:
            file.write(packed)
        plain = run(folder, shared, frames, arguments.repetitions, None)
        derived = run(folder, shared, frames, arguments.repetitions, MAPPING)
    show(plain, False)
    show(derived, True)
    good = plain["allocations"] == 0 and derived["allocations"] == 0
    print("%sok live_path_allocates_nothing: %d allocations" % ("" if good else "not ",
                                                                plain["allocations"] + derived["allocations"]))
    return not good


if __name__ == "__main__":
    interpreter = os.path.join(decode.VENV, "bin", "python")
    if os.path.exists(interpreter) and os.path.realpath(sys.prefix) != os.path.realpath(decode.VENV):
        os.execv(interpreter, [interpreter] + sys.argv)
    sys.exit(main())
