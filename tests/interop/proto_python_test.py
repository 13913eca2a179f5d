#!/usr/bin/env python3
"""cantwin's messages against the Python protobuf runtime, both ways, from proto/cantwin.proto alone."""

import os
import subprocess
import sys

import cantwin_pb

TOOL = os.path.join(os.environ.get("CANTWIN_TEST_BIN", "build/test/tests"), "proto_tool")
BOOT = b"0123456789abcde\0"
failed = False


def check(name, good, detail=""):
    global failed
    failed = failed or not good
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f" # {detail}"))


def written():
    lines = subprocess.run([TOOL, "write"], check=True, capture_output=True, text=True).stdout.split()
    return {kind: bytes.fromhex(content) for kind, content in zip(lines[::2], lines[1::2])}


def understood(kind, message):
    data = message if isinstance(message, bytes) else message.SerializeToString()
    result = subprocess.run([TOOL, "read"], check=True, capture_output=True, text=True, input=f"{kind} {data.hex()}\n")
    return result.stdout.strip()


def check_batch(name, batch):
    check(f"{name}: times", (batch.base_ns, batch.base_utc_ns, batch.utc_uncertainty_ns) == (-5000000, 1700000000000000000, 1500))
    check(f"{name}: ids", list(batch.id_step) == [0, 0, 1, 1], list(batch.id_step))
    check(f"{name}: microseconds", list(batch.dt_us) == [-1, 1, 1000], list(batch.dt_us))
    check(f"{name}: groups", list(batch.group) == [1, 2, 1], list(batch.group))
    check(f"{name}: raw", list(batch.raw_step) == [-(2**63), -1], list(batch.raw_step))  # modulo 2^64
    check(f"{name}: numbers", list(batch.number) == [-0.1])
    check(f"{name}: bytes", list(batch.bytes) == [b"WVW"])
    check(f"{name}: quality", (list(batch.quality_gap), list(batch.quality)) == ([0, 2], [16, 2]))


def check_written(pb, lines):
    record = pb.Record.FromString(lines["batch"])
    check("record: head", (record.seq, record.boot_id) == (2**64 - 1, BOOT))
    check_batch("batch", record.batch)
    state = pb.State.FromString(lines["state"])
    check("state: head", (state.snapshot_id, state.revision, state.last, state.boot_id) == (9, 12, True, BOOT))
    check_batch("state", state.batch)
    gap = pb.Record.FromString(lines["gap"]).gap
    check("gap", (gap.seq_first, gap.seq_last, gap.from_ns, gap.samples, gap.reason) == (3, 2**64 - 1, -1, 77, pb.QUEUE_FULL))
    event = pb.Record.FromString(lines["event"]).event
    check("event", (event.name, event.text, event.t_ns, event.utc_ns, event.fields[0].value) == ("bus-down", "text", 5, 6, "can\u00fc"))
    status = pb.Record.FromString(lines["status"]).command_status
    check("status", (status.command_id, status.state, status.seq, status.response, status.reported.number, status.text)
          == (BOOT, pb.DONE, 4, b"\x62\xf1\x90", 1.0, "done"))
    command = pb.Command.FromString(lines["command"])
    check("command", (command.vehicle_id, command.command_id, command.seq, command.ttl_ms, command.set_desired.path,
                      command.set_desired.value.integer, command.set_desired.revision) == ("demo", BOOT, 7, 1000, "Vehicle.X", -3, 2))
    catalogue = pb.Catalogue.FromString(lines["catalogue"])
    entry = catalogue.entries[0]
    check("catalogue", (catalogue.entry_count, len(catalogue.hash), entry.name, entry.comment, entry.min, entry.max, entry.timeout_ns)
          == (3, 32, "can0.Gear.Position", "the lever", -1.0, 2.0, 500000000))
    check("catalogue: texts", [(t.raw, t.text) for t in entry.texts] == [(-1, "reverse"), (2, "drive")])


def check_read(pb, lines):
    record = pb.Record.FromString(lines["batch"])
    expected = "batch 0@-5001000q16=-9223372036854775808 0@-5000000q0=9223372036854775807 1@-5000000q2=-0.10000000000000001 2@-4000000q0=WVW"
    check("read: batch written by Python", understood("batch", record) == expected, understood("batch", record))
    record.batch.raw_step.append(1)
    check("read: surplus value refused", "error" in understood("batch", record))
    command = pb.Command(vehicle_id="demo", command_id=BOOT, seq=5)
    command.diagnostic_request.ecu = "engine"
    command.diagnostic_request.request = b"\x22\xf1\x90"
    check("read: command", understood("command", command) == "command demo seq=5 path= ecu=engine kind=0", understood("command", command))
    twice = command.SerializeToString() + pb.Command(seq=6).SerializeToString()
    check("read: command with a field twice refused", "error" in understood("command", twice))
    check("read: command with an unknown field refused", "error" in understood("command", command.SerializeToString() + b"\xf8\x07\x01"))
    catalogue = pb.Catalogue.FromString(lines["catalogue"])
    check("read: catalogue", understood("catalogue", catalogue) == "catalogue same=1", understood("catalogue", catalogue))
    catalogue.entries[1].unit = "mph"
    check("read: catalogue with another unit refused", "error" in understood("catalogue", catalogue))


def main():
    if not os.path.exists(TOOL):
        print("skip proto_python: proto_tool is not built")
        return 0
    try:
        pb = cantwin_pb.load()
    except RuntimeError as error:
        print(f"skip proto_python: {error}")
        return 0
    lines = written()
    check_written(pb, lines)
    check_read(pb, lines)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
