#!/usr/bin/env python3
"""cantwin-gateway with configurations that cannot work: each ends with one line that names the place, and with the exit
status that fits; and what SIGHUP finds broken leaves the gateway running as it was."""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from sim_rig import BIN, TIMEOUT, VEHICLE, Report, wait_ready

report = Report()
USAGE, ENVIRONMENT = 2, 3
GATEWAY = BIN / "cantwin-gateway"


def fails(name, folder, arguments, status, *words):
    done = subprocess.run([GATEWAY, *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    problems = [] if done.returncode == status else [f"exit status {done.returncode}, said {done.stderr!r}"]
    problems += [f"{word!r} is not in {done.stderr!r}" for word in words if word not in done.stderr]
    problems += [] if done.stderr.count("\n") == 1 and not done.stdout else [f"not one line: {done.stderr!r}"]
    report.check(name, problems)


def changed(folder, name, old, new):
    """A copy of gateway.yaml with one place changed."""
    text = (folder / "gateway.yaml").read_text()
    assert old in text, old
    (folder / name).write_text(text.replace(old, new, 1))
    return ["--config", name]


def line_of(folder, name, word):
    lines = (folder / name).read_text().splitlines()
    return next(i for i, line in enumerate(lines, 1) if word in line)


def try_keys_and_values(folder):
    arguments = changed(folder, "key.yaml", "log_level: info", "log_levle: info")
    fails("gateway_unknown_key", folder, arguments, USAGE,
          f"key.yaml:{line_of(folder, 'key.yaml', 'log_levle')}:1", "log_levle")
    arguments = changed(folder, "nested.yaml", "commit_ms: 100", "comit_ms: 100")
    fails("gateway_unknown_nested_key", folder, arguments, USAGE,
          f"nested.yaml:{line_of(folder, 'nested.yaml', 'comit_ms')}:3", "comit_ms")
    fails("gateway_value_that_is_none", folder, changed(folder, "value.yaml", "fd: true", "fd: perhaps"), USAGE,
          "value.yaml:", "perhaps")
    fails("gateway_bad_level", folder, changed(folder, "level.yaml", "log_level: info", "log_level: loud"), USAGE,
          "level.yaml:", "loud")
    fails("gateway_two_buses_of_one_name", folder, changed(folder, "twice.yaml", "name: can1", "name: can0"), USAGE,
          "can0", "its own name")
    fails("gateway_ecu_on_no_bus", folder, changed(folder, "ecu.yaml", "bus: can1", "bus: can7"), USAGE, "ecu.yaml",
          "can7")
    fails("gateway_ecu_with_ids_of_two_kinds", folder, changed(folder, "ids.yaml", "response_id: 0x7E8",
                                                               "response_id: 0x18DAF110"), USAGE, f"ids.yaml:{line_of(folder, 'ids.yaml', 'name: engine')}:5: error: ",
          "engine", "0x18DAF110")
    fails("gateway_two_ecus_of_one_name", folder, changed(folder, "ecus.yaml", "name: gearbox", "name: engine"), USAGE,
          f"ecus.yaml:{line_of(folder, 'ecus.yaml', 'response_id: 0x7E9')}:5: error: ", "engine", "its own name")
    fails("gateway_state_from_no_signal", folder, changed(folder, "state.yaml", "speed: Vehicle.Speed",
                                                           "speed: Vehicle.Sped"), USAGE, "state.yaml", "Vehicle.Sped")
    gpio = "log_level: info\ngpio: { chip: gpiochip0, "
    fails("gateway_gpio_line_of_unknown_use", folder, changed(folder, "use.yaml", "log_level: info",
                                                               gpio + "horn: { line: 1 } }"), USAGE, "use.yaml:", "horn")
    fails("gateway_gpio_time_out_of_range", folder, changed(folder, "quiet.yaml", "log_level: info", gpio + "quiet_ms: 5 }"),
          USAGE, "quiet.yaml: error: gpio: quiet_ms is 5; use 100 to 3600000")
    text = (folder / "quiet.yaml").read_text().replace("quiet_ms: 5", "quiet_ms: 500")
    (folder / "own.yaml").write_text(text.replace("name: can1", "name: gateway").replace("bus: can1", "bus: gateway"))
    fails("gateway_gpio_bus_of_its_own_name", folder, ["--config", "own.yaml"], USAGE,
          f"own.yaml:{line_of(folder, 'own.yaml', 'name: gateway')}:5: error: buses: with `gpio`")


def numbered(folder, name, changes):
    """Writes a file with faults put into it: (old, new) each once; returns the lines of the new texts, in order."""
    text = (folder / name).read_text()
    for old, new in changes:
        assert old in text, (name, old)
        text = text.replace(old, new, 1)
    (folder / name).write_text(text)
    return [line_of(folder, name, new.split("\n")[0]) for _, new in changes]


def try_check_all(original):
    """--check-config tells every fault of every file at once, each at its line, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="cantwin-") as name:
        folder = pathlib.Path(name)
        shutil.copytree(original, folder, dirs_exist_ok=True)
        good = subprocess.run([GATEWAY, "--config", "gateway.yaml", "--check-config"], cwd=folder, capture_output=True, text=True,
                              timeout=TIMEOUT)
        report.check("gateway_check_of_a_good_one", [] if good.returncode == 0 and "is in order" in good.stderr and
                     good.stderr.count("warning: bus") == good.stderr.count("warning:") == 2 else [f"{good.returncode}: {good.stderr}"])
        settings = numbered(folder, "gateway.yaml", [
            ("    fd: false\n", "    fd: perhaps\n"), ("log_level: info", "log_levle: info"), ("commit_ms: 100", "commit_ms: often"),
            ("name: gearbox", "name: engine"), ("bus: can1", "bus: can7"), ("response_id: 0x7EA", "response_id: 0x7E2"),
            ("keys/vehicle-demo.curve", "keys/other.curve"), ("keys/release.ed25519.pub", "keys/nobody.pub")])
        powertrain = numbered(folder, "powertrain.dbc", [(" SG_ ", " SG_ BROKEN : 0|x@1+ (1,0) [0|0] \"\" E\n SG_ "),
                                                         ("BU_:", "BO_ 99999999999 HUGE: 8 E\nBU_:")])
        body = numbered(folder, "body.dbc", [("BO_ ", "BO_ x BAD: 8 E\nBO_ ")])
        (folder / "collection.yaml").write_text("signals:\n  - { match: a, on_change: false }\n  - { match: b, interval_ms: -5 }\n"
                                                "  - { match: c, threshold: -1 }\n")
        policy = numbered(folder, "policy.yaml", [("rate: ", "rate: -")])
        (folder / "mapping.json").write_text("{ \"Vehicle\": [ }\n")
        done = subprocess.run([GATEWAY, "--config", "gateway.yaml", "--check-config", "--no.such", "1"], cwd=folder,
                              capture_output=True, text=True, timeout=TIMEOUT)
        lines = [line.partition("error: ")[2] for line in done.stderr.splitlines() if "error: " in line]
        wanted = [f"gateway.yaml:{settings[0]}:9: error: 'fd' cannot be 'perhaps'", f"gateway.yaml:{settings[1]}:1: error: unknown key",
                  f"gateway.yaml:{settings[2]}:14: error: 'commit_ms' cannot be 'often'", "--no.such: error: unknown key",
                  "two are named 'engine'", "'body' is on bus 'can7'", "request_id and response_id are both 0x7E2",
                  f"powertrain.dbc:{powertrain[0]}:", f"powertrain.dbc:{powertrain[1]}:", f"body.dbc:{body[0]}:",
                  "mapping.json:1:16: error: not valid JSON", "signals[0] 'a': on_change", "signals[1] 'b': interval_ms",
                  "signals[2] 'c': threshold", "policy.yaml", "keys/other.curve", "keys/nobody.pub"]
        problems = [] if done.returncode == USAGE else [f"exit status {done.returncode}"]
        problems += [f"{word!r} is told {count} times: {done.stderr}" for word in wanted
                     if (count := sum(word in line for line in lines)) != 1]
        if lines[-1] != f"gateway.yaml: {len(lines) - 1} problems" or len(lines) - 1 != len(wanted):
            problems.append(f"{len(lines) - 1} problems instead of {len(wanted)}: {done.stderr}")
        report.check("gateway_check_tells_all_faults_of_all_files_at_their_lines", problems)
        for unreadable in ("nowhere.yaml", "noise.yaml"):
            (folder / "noise.yaml").write_bytes(bytes(range(256)))
            done = subprocess.run([GATEWAY, "--config", unreadable, "--check-config"], cwd=folder, capture_output=True, text=True,
                                  timeout=TIMEOUT)
            report.check(f"gateway_check_of_{unreadable}", [] if done.returncode == USAGE and unreadable in done.stderr else
                         [f"{done.returncode}: {done.stderr}"])


def try_check_rules(original):
    """Faults in mapping, protection and routes, several in each, where the databases are whole: all at once, each at its line. And
    a route that an earlier one hides is a warning."""
    with tempfile.TemporaryDirectory(prefix="cantwin-") as name:
        folder = pathlib.Path(name)
        shutil.copytree(original, folder, dirs_exist_ok=True)

        def check():
            return subprocess.run([GATEWAY, "--config", "gateway.yaml", "--check-config"], cwd=folder, capture_output=True, text=True,
                                  timeout=TIMEOUT)
        good = (folder / "routes.yaml").read_text()
        hidden = good.count("\n") + 3
        (folder / "routes.yaml").write_text(good + "  - { from: can1, to: can0, id: 0x100, mask: 0x700, rate: 1 }\n\n"
                                            "  - { from: can1, to: can0, id: 0x123, rate: 1 }\n")
        done = check()
        report.check("gateway_check_warns_of_a_hidden_route", [] if done.returncode == 0 and
                     f"warning: routes.yaml:{hidden}: this route from can1 to can0 is never used: that of line {hidden - 2} " in
                     done.stderr else [f"{done.returncode}: {done.stderr}"])
        mapping = json.loads((folder / "mapping.json").read_text())
        vehicle = mapping["Vehicle"]["children"]
        vehicle["Speed"]["datatype"] = "flux"
        vehicle["Speed"]["dbc2vss"]["interval_ms"] = -1
        vehicle["IsMoving"]["dbc2vss"]["signal"] = "NO_SUCH_SIGNAL"
        vehicle["TraveledDistance"]["type"] = "sensr"
        vehicle["A road"] = {"type": "branch"}
        (folder / "mapping.json").write_text(json.dumps(mapping, indent=1) + "\n")

        def at(key):
            return f"mapping.json:{line_of(folder, 'mapping.json', chr(34) + key + chr(34))}:"
        protection = numbered(folder, "protection.yaml", [
            ("message: ENGINE_STATUS, scheme: e2e-p01", "message: NOBODY, scheme: e2e-p01"),
            ("message: BATTERY_STATUS, scheme: e2e-p01", "message: BATTERY_STATUS, scheme: e2e-p99"),
            ("checksum: GEARBOX_STATUS_SUM", "checksum: NO_SUM")])
        (folder / "routes.yaml").write_text("routes:\n  - { from: can0, to: nowhere, id: 0x900, rate: 0 }\n"
                                            "  - { from: can0, to: can1, id: 1, rate: 1 }\n"
                                            "  - { from: can0, to: can1, message: NO_MESSAGE, rate: 1 }\n"
                                            "  - { from: can0, to: can1, id: 1, rate: 1 }\n")
        done = check()
        lines = [line.partition("error: ")[2] for line in done.stderr.splitlines() if "error: " in line]
        wanted = [at("Speed") + "4: error: Vehicle.Speed: datatype 'flux'", "Vehicle.Speed: 'interval_ms'",
                  at("IsMoving") + "4: error: Vehicle.IsMoving: no DBC file has a signal 'NO_SUCH_SIGNAL'",
                  at("TraveledDistance") + "4: error: Vehicle.TraveledDistance: type 'sensr'", at("A road") + "4: error: Vehicle.A road: names",
                  *(f"protection.yaml:{line}:5: error: rule " for line in protection),
                  "routes.yaml:2:5: error: route 1: 'rate'", "routes.yaml:2:5: error: route 1: 'nowhere'",
                  "routes.yaml:2:5: error: route 1: 'id' is too large",
                  "routes.yaml:4:5: error: route 3: the DBC files of bus 'can0' have no message 'NO_MESSAGE'",
                  "routes.yaml:5:5: error: route 4: an earlier route"]
        problems = [] if done.returncode == USAGE else [f"exit status {done.returncode}"]
        problems += [f"{word!r} is told {count} times: {done.stderr}" for word in wanted
                     if (count := sum(word in line for line in lines)) != 1]
        if lines[-1] != f"gateway.yaml: {len(wanted)} problems" or len(lines) - 1 != len(wanted):
            problems.append(f"{len(lines) - 1} problems instead of {len(wanted)}: {done.stderr}")
        report.check("gateway_check_tells_all_faults_of_mapping_protection_and_routes", problems)


def try_files(folder):
    fails("gateway_dbc_not_there", folder, changed(folder, "dbc.yaml", "[powertrain.dbc]", "[nowhere.dbc]"),
          ENVIRONMENT, "nowhere.dbc")
    text = (folder / "powertrain.dbc").read_text().splitlines()
    at = next(i for i, line in enumerate(text) if line.startswith(" SG_ "))
    text[at] = " SG_ BROKEN : 0|x@1+ (1,0) [0|0] \"\" E"
    (folder / "broken.dbc").write_text("\n".join(text) + "\n")
    fails("gateway_broken_dbc_line", folder, changed(folder, "broken.yaml", "[powertrain.dbc]", "[broken.dbc]"), USAGE,
          f"broken.dbc:{at + 1}:")
    fails("gateway_mapping_not_there", folder, changed(folder, "map.yaml", "mapping: mapping.json",
                                                       "mapping: nowhere.json"), ENVIRONMENT, "nowhere.json")
    (folder / "broken.json").write_text((folder / "mapping.json").read_text().replace('"VEHICLE_SPEED"', '"SPEEED"'))
    fails("gateway_mapping_of_no_signal", folder, changed(folder, "map2.yaml", "mapping: mapping.json",
                                                          "mapping: broken.json"), USAGE, "broken.json",
          "Vehicle.Speed", "SPEEED")
    (folder / "never.yaml").write_text("signals:\n  - { match: \"*\", on_change: false }\n")
    fails("gateway_collection_without_interval", folder, changed(folder, "col.yaml", "collection: collection.yaml",
                                                                 "collection: never.yaml"), USAGE, "never.yaml",
          "interval_ms")
    fails("gateway_policy_not_there", folder, changed(folder, "pol.yaml", "policy: policy.yaml",
                                                      "policy: nowhere.yaml"), ENVIRONMENT, "nowhere.yaml")
    fails("gateway_key_not_there", folder, changed(folder, "k.yaml", "keys/vehicle-demo.curve", "keys/other.curve"),
          ENVIRONMENT, "keys/other.curve")
    fails("gateway_trust_key_not_there", folder, changed(folder, "t.yaml", "keys/director.ed25519.pub",
                                                         "keys/nobody.pub"), ENVIRONMENT, "keys/nobody.pub")


def try_ports(folder):
    fails("gateway_unknown_interface", folder, changed(folder, "if.yaml", "port: unix:can0.sock", "port: nosuch0"),
          ENVIRONMENT, "can0", "nosuch0")
    fails("gateway_no_hub_there", folder, changed(folder, "hub.yaml", "port: unix:can0.sock", "port: unix:none.sock"),
          ENVIRONMENT, "can0", "none.sock")
    fails("gateway_log_not_there", folder, changed(folder, "log.yaml", "port: unix:can0.sock", "port: file:no.log"),
          ENVIRONMENT, "can0", "no.log")


def try_damaged_logs(folder):
    """A log that ends in the middle: one line with the place, exit status 1, in whatever program reads it."""
    frames = "".join(f"({i}.0) can0 7A0#0{i}\n" for i in range(1, 4))
    (folder / "text.log").write_text(frames + "(4.0) can0 7A")
    (folder / "noise.log").write_bytes(bytes(range(128, 256)) * 8)
    packed = subprocess.run(["zstd", "-q", "-c"], input=frames.encode(), capture_output=True, check=True).stdout
    (folder / "cut.log").write_bytes(packed[:20])
    for name, place in (("text.log", "text.log:4:"), ("noise.log", "noise.log:1:"), ("cut.log", "cut.log:1:")):
        (folder / "replay.yaml").write_text(
            f"vehicle_id: demo\nbuses:\n  - {{ name: can0, port: 'file:{name}', dbc: [powertrain.dbc] }}\n"
            f"state_dir: state-{name}\n")
        for what, command in (("gateway", [GATEWAY, "--config", "replay.yaml"]),
                              ("decode", [BIN / "cantwin", "decode", "--dbc", "powertrain.dbc", name])):
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
            lines = [line for line in done.stderr.splitlines() if "error: " in line]
            report.check(f"{what}_of_{name}", [] if done.returncode == 1 and lines and f"{place}" in lines[0]
                         else [f"exit status {done.returncode}: {done.stderr!r}"])


def try_arguments(folder):
    fails("gateway_without_config", folder, [], USAGE, "--config")
    fails("gateway_config_not_there", folder, ["--config", "nofile.yaml"], ENVIRONMENT, "nofile.yaml")
    fails("gateway_word_that_is_no_option", folder, ["gateway.yaml"], USAGE, "gateway.yaml")
    fails("gateway_option_without_value", folder, ["--config", "gateway.yaml", "--log_level"], USAGE, "--log_level")
    fails("gateway_unknown_option", folder, ["--config", "gateway.yaml", "--no.such", "1"], USAGE, "no.such")
    checked = subprocess.run([GATEWAY, "--config", "gateway.yaml", "--check-config"], cwd=folder, capture_output=True,
                             text=True, timeout=TIMEOUT)
    report.check("gateway_check_config_of_a_good_one",
                 [] if checked.returncode == 0 and "in order" in checked.stderr else [checked.stderr])


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def ask(self, request):
        self.socket.sendall((json.dumps(request) + "\n").encode())
        return json.loads(self.lines.readline())


def last_words_until(process, word):
    """Lines of the log up to the one that holds `word`."""
    lines = []
    while not lines or word not in lines[-1]:
        line = process.stderr.readline().decode()
        if not line:
            raise AssertionError(f"the gateway ended before it said {word!r}: {lines}")
        lines.append(line)
    return lines


def try_keys_on_reload(gateway, folder):
    """A signing key that is taken away, or replaced in its file, must not stay trusted behind a 'reloaded'."""
    config, key = folder / "gateway.yaml", folder / "keys/director.ed25519.pub"
    good, good_key = config.read_text(), key.read_text()
    kept = "".join(line for line in good.splitlines(True) if "director.ed25519.pub" not in line)
    assert kept != good
    for name, text, key_text in (("removed", kept, good_key), ("replaced", good, "ab" * 32 + "\n")):
        config.write_text(text)
        key.write_text(key_text)
        gateway.send_signal(signal.SIGHUP)
        said = last_words_until(gateway, "reloaded")
        report.check(f"gateway_reload_with_a_{name}_trust_key_is_refused",
                     [] if "not reloaded: `trust`" in said[-1] else said)
    config.write_text(good)
    key.write_text(good_key)


def try_running(folder):
    hubs = subprocess.Popen([BIN / "cantwin", "bus", "serve", "can0.sock", "can1.sock"], cwd=folder,
                            stderr=subprocess.PIPE)
    wait_ready(hubs)
    gateway = subprocess.Popen([GATEWAY, "--config", "gateway.yaml"], cwd=folder, stderr=subprocess.PIPE, bufsize=0)
    wait_ready(gateway)
    fails("gateway_busy_status_socket", folder, ["--config", "gateway.yaml", "--state_dir", "other"], ENVIRONMENT,
          "status_socket", "gateway.sock")
    fails("gateway_busy_state_dir", folder, ["--config", "gateway.yaml", "--status_socket", "other.sock"], ENVIRONMENT,
          "state/gateway")
    fails("gateway_bad_endpoint", folder, ["--config", "gateway.yaml", "--link.endpoint", "tcp:/nowhere",
                                           "--status_socket", "other.sock", "--state_dir", "other"], USAGE,
          "link.endpoint", "tcp:/nowhere")
    client = Client(folder / "gateway.sock")
    before = client.ask({"get": "status"})
    good = (folder / "powertrain.dbc").read_text()
    (folder / "powertrain.dbc").write_text((folder / "broken.dbc").read_text())
    gateway.send_signal(signal.SIGHUP)
    said = last_words_until(gateway, "not reloaded")
    after = client.ask({"get": "status"})
    report.check("gateway_reload_of_a_broken_dbc_keeps_the_old",
                 [] if any("powertrain.dbc:" in line for line in said) and
                 after["twin"]["catalogue"] == before["twin"]["catalogue"] and after["twin"]["reloads"] == 0 else said)
    (folder / "powertrain.dbc").write_text(good.replace("ENGINE_FRAME_COUNT", "FRAME_COUNT_OF_ENGINE"))
    gateway.send_signal(signal.SIGHUP)
    last_words_until(gateway, "not reloaded" if "ENGINE_FRAME_COUNT" in (folder / "mapping.json").read_text()
                     else "reloaded")
    after = client.ask({"get": "status"})
    report.check("gateway_reload_of_a_changed_dbc", [] if after["twin"]["catalogue"] != before["twin"]["catalogue"] and
                 after["twin"]["reloads"] == 1 else [json.dumps(after["twin"])])
    report.check("gateway_status_socket_names_wrong_requests",
                 [] if "error" in client.ask({"want": 1}) and "error" in client.ask([]) else ["no error said"])
    try_keys_on_reload(gateway, folder)
    gateway.terminate()
    report.equal("gateway_stops_cleanly", gateway.wait(TIMEOUT), 0)
    report.check("gateway_removes_its_socket", [] if not (folder / "gateway.sock").exists() else ["still there"])
    hubs.terminate()
    hubs.wait(TIMEOUT)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copytree(VEHICLE, folder, dirs_exist_ok=True)
        subprocess.run([BIN / "cantwin", "keys", "init", "--dir", "keys", "--vehicle", "demo"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try_arguments(folder)
        try_keys_and_values(folder)
        try_check_all(folder)
        try_check_rules(folder)
        try_files(folder)
        try_ports(folder)
        try_damaged_logs(folder)
        try_running(folder)
    return 1 if report.failed else 0


sys.exit(main())
