#!/usr/bin/env python3
"""cantwin-sim's command line: every mistake is one line that names the place, with the right exit status; a hub that
comes late or goes away costs no counter."""

import pathlib
import subprocess
import sys
import tempfile

from sim_rig import BIN, TIMEOUT, VEHICLE, Report, Vehicle, frames

report = Report()
USAGE, ENVIRONMENT = 2, 3


def fails(name, folder, arguments, status, *words):
    done = subprocess.run([BIN / "cantwin-sim", *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    problems = [] if done.returncode == status else [f"exit status {done.returncode}"]
    problems += [f"{word!r} is not in {done.stderr!r}" for word in words if word not in done.stderr]
    problems += [] if done.stderr.count("\n") == 1 and not done.stdout else [f"not one line: {done.stderr!r}"]
    report.check(name, problems)


def try_mistakes(folder):
    good = (f"buses:\n  - {{ name: can0, dbc: {VEHICLE}/powertrain.dbc }}\n")
    files = {"good.yaml": good, "unknown.yaml": good + "sead: 3\n",
             "missing.yaml": "buses: [{ name: can0, dbc: nowhere.dbc }]\n",
             "interface.yaml": good.replace("dbc:", "port: nosuch0, dbc:"),
             "foreign.yaml": "buses: [{ name: can0, dbc: foreign.dbc }]\n",
             "foreign.dbc": 'BU_: OTHER\nBO_ 1 A: 8 OTHER\n SG_ S : 0|8@1+ (1,0) [0|0] "" OTHER\n'}
    for name, text in files.items():
        (folder / name).write_text(text)
    fails("sim_without_config", folder, [], USAGE, "--config")
    fails("sim_config_not_there", folder, ["--config", "nofile.yaml"], ENVIRONMENT, "nofile.yaml")
    fails("sim_unknown_key", folder, ["--config", "unknown.yaml"], ENVIRONMENT, "unknown.yaml:3:1", "sead")
    fails("sim_unknown_option", folder, ["--config", "good.yaml", "--sed", "3"], USAGE, "--sed")
    fails("sim_option_without_value", folder, ["--config", "good.yaml", "--seed"], USAGE, "--seed")
    fails("sim_value_that_is_none", folder, ["--config", "good.yaml", "--seed", "x"], USAGE, "--seed", "x")
    fails("sim_steps_without_end", folder, ["--config", "good.yaml", "--step"], USAGE, "--duration_s")
    fails("sim_dbc_not_there", folder, ["--config", "missing.yaml"], ENVIRONMENT, "nowhere.dbc")
    fails("sim_dbc_of_another_car", folder, ["--config", "foreign.yaml"], ENVIRONMENT, "ENGINE")
    fails("sim_unknown_interface", folder, ["--config", "interface.yaml"], ENVIRONMENT, "nosuch0")
    fails("sim_recording_nowhere", folder, ["--config", "good.yaml", "--record", "no/where.log"], ENVIRONMENT,
          "no/where.log")


def wait_for_frames(vehicle):
    subprocess.run([BIN / "cantwin", "bus", "dump", "unix:can0.sock", "--count", "300"], cwd=vehicle.path, check=True,
                   stdout=subprocess.DEVNULL, timeout=TIMEOUT)


def try_hub_that_goes_away():
    with Vehicle() as vehicle:
        wait_for_frames(vehicle)
        hub = vehicle.processes[0]
        hub.kill()
        hub.wait(TIMEOUT)
        vehicle.start([BIN / "cantwin", "bus", "serve", "can0.sock"])
        wait_for_frames(vehicle)
        _, _, text = vehicle.stop_sim()
    counts = [int.from_bytes(data[4:8], "little") for _, bus, ident, data, _, _ in frames(text)
              if bus == "can0" and ident == 0xC0]
    report.equal("sim_counts_on_where_the_hub_left", counts, list(range(len(counts))))


with tempfile.TemporaryDirectory() as name:
    try_mistakes(pathlib.Path(name))
try_hub_that_goes_away()
sys.exit(1 if report.failed else 0)
