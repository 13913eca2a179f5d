#!/usr/bin/env python3
"""The simulator's recorded frames against its DBC files as cantools reads them: every frame is known and decodes, values
stay inside their ranges, cycle times hold, counters are continuous and checksums right by the implementations here."""

import pathlib
import subprocess
import sys
import tempfile

try:
    import cantools
except ImportError as missing:
    print(f"skip sim_cantools: {missing}")
    sys.exit(0)

from sim_rig import BIN, VEHICLE, Report, frames

SECONDS = 100
report = Report()
check = report.check


def record(folder, seed, seconds=SECONDS):
    config = folder / "sim.yaml"
    config.write_text(
        f"buses:\n  - {{ name: can0, dbc: {VEHICLE}/powertrain.dbc, protection: {VEHICLE}/protection.yaml }}\n"
        f"  - {{ name: can1, dbc: {VEHICLE}/body.dbc }}\nseed: {seed}\n")
    log = folder / f"drive-{seed}.log"
    subprocess.run([BIN / "cantwin-sim", "--config", config, "--step", "--duration_s", str(seconds), "--record", log],
                   check=True, capture_output=True)
    return log.read_text()


def crc8_j1850(data, start=0xFF, final=0xFF):
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1D) & 0xFF if crc & 0x80 else (crc << 1) & 0xFF
    return crc ^ final


def crc_right(ident, data):
    return data[0] == crc8_j1850(bytes([ident & 0xFF, ident >> 8]) + data[1:], 0, 0)  # AUTOSAR E2E profile 1


def sum_right(ident, data):
    return data[-1] == (len(data) + (ident & 0xFF) + (ident >> 8) + sum(data[:-1])) & 0xFF


CHECKSUMS = {"ENGINE_STATUS": crc_right, "ENGINE_TORQUE_STATUS": crc_right, "BATTERY_STATUS": crc_right,
             "BODY_STATUS": crc_right, "BODY_IGNITION": crc_right, "VEHICLE_MOTION": sum_right,
             "GEARBOX_STATUS": sum_right}
COUNTERS = {"ENGINE_STATUS_COUNTER": 15, "ENGINE_TORQUE_COUNTER": 15, "BATTERY_STATUS_COUNTER": 15,
            "BODY_STATUS_COUNTER": 15, "BODY_IGNITION_COUNTER": 15, "GEARBOX_COUNTER": 16, "LAMPS_COUNTER": 256,
            "ENGINE_FRAME_COUNT": 1 << 32}


def main():
    assert crc8_j1850(b"123456789") == 0x4B  # the published check value
    databases = {"can0": cantools.database.load_file(VEHICLE / "powertrain.dbc"),
                 "can1": cantools.database.load_file(VEHICLE / "body.dbc")}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        text = record(folder, 1)
        again = record(folder, 1)
        other = record(folder, 2)
    check("sim_is_deterministic", [] if text == again else ["two runs with one seed differ"])
    check("sim_seed_matters", [] if text != other else ["two seeds give the same drive"])

    unknown, wrong_form, ranges, checksums, counters, cycles = [], [], [], [], [], []
    last, times, seen, pages = {}, {}, {}, set()
    for stamp, bus, ident, data, fd, direction in frames(text):
        try:
            message = databases[bus].get_message_by_frame_id(ident)
        except KeyError:
            unknown.append(hex(ident))
            continue
        if len(data) != message.length or fd != message.is_fd or direction != "T":
            wrong_form.append(message.name)
        values = message.decode(data, decode_choices=False)
        for signal in message.signals:
            if signal.name not in values:
                continue
            value = values[signal.name]
            seen.setdefault((message.name, signal.name), set()).add(value)
            if not signal.minimum <= value <= signal.maximum:
                ranges.append(f"{message.name}.{signal.name} = {value}")
            if signal.name in COUNTERS:
                before = last.get(signal.name)
                if before is not None and value != (before + 1) % COUNTERS[signal.name]:
                    counters.append(f"{signal.name} {before} -> {value}")
                last[signal.name] = value
        if "INFO_PAGE" in values:
            pages.add(values["INFO_PAGE"])
        if message.name in CHECKSUMS and not CHECKSUMS[message.name](ident, data):
            checksums.append(message.name)
        before = times.get(message.name)
        if before is not None and abs(stamp - before - message.cycle_time * 1000) > 1:
            cycles.append(f"{message.name} after {stamp - before} us")
        times[message.name] = stamp

    silent = [m.name for db in databases.values() for m in db.messages if m.cycle_time and m.name not in times]
    check("sim_every_frame_is_in_the_dbc", unknown)
    check("sim_every_cyclic_message_is_sent", silent)
    check("sim_frames_have_the_dbc_form", wrong_form)
    check("sim_values_inside_their_ranges", ranges)
    check("sim_counters_are_continuous", [*counters, *(f"{c} never seen" for c in COUNTERS if c not in last)])
    check("sim_checksums_are_right", checksums)
    check("sim_cycle_times_hold", cycles)
    check("sim_multiplexed_message_shows_every_page", [] if pages == {0, 1, 2} else [f"pages {pages}"])
    moves = ["VEHICLE_SPEED", "ENGINE_SPEED", "COOLANT_TEMPERATURE", "CURRENT_GEAR", "FUEL_VOLUME", "BATTERY_VOLTAGE",
             "IGNITION", "LATITUDE", "LONGITUDE", "ODOMETER", "STEERING_ANGLE", "ENGINE_HOURS"]
    check("sim_the_drive_moves", [s for s in moves if not any(len(v) > 1 for (_, n), v in seen.items() if n == s)])
    speed = seen[("VEHICLE_MOTION", "VEHICLE_SPEED")]
    check("sim_the_drive_is_a_drive", [] if min(speed) == 0 and 80 < max(speed) < 160 else [f"top speed {max(speed)}"])
    wheels = [seen[("WHEEL_SPEEDS", f"WHEEL_SPEED_{w}")] for w in ("FL", "FR", "RL", "RR")]
    check("sim_wheels_follow_the_speed", [max(w) for w in wheels if abs(max(w) - max(speed)) > 10])


main()
sys.exit(1 if report.failed else 0)
