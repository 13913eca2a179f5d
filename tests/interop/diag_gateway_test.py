#!/usr/bin/env python3
"""`cantwin diag --socket`: through the running gateway, under a lease and by its policy, while others may want the same
ECU."""

import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))

import stack
from sim_rig import BIN, TIMEOUT, VEHICLE, VIN, Report

report = Report()


def diag(run, *arguments, code=0):
    environment = {**os.environ, "CANTWIN_ECUS": str(VEHICLE / "ecus"), "CANTWIN_SOCKET": os.path.join(run.folder, "gateway.sock")}
    done = subprocess.run([BIN / "cantwin", "diag", *arguments], cwd=run.folder, env=environment, capture_output=True, text=True,
                          timeout=TIMEOUT)
    if done.returncode != code:
        raise stack.Failure(f"{arguments}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout if code == 0 else done.stderr


def differs(got, expected):
    return [] if got == expected else [f"{got!r} instead of {expected!r}"]


def reads(run):
    out = json.loads(diag(run, "did", "read", "--ecu", "engine", "vin", "supply", "--json"))
    return differs(out[0]["values"]["vin"], VIN) + ([] if 10 < out[1]["values"]["supply"] < 16 else [out])


def refusals_of_the_ecu_are_told(run):
    error = diag(run, "did", "read", "--ecu", "gearbox", "1234", code=1)
    return [] if "request out of range (0x31)" in error else [error]


def everything_is_read_within_the_policys_rate(run):
    rows = json.loads(diag(run, "info", "--ecu", "battery", "--all", "--json"))
    rows += json.loads(diag(run, "info", "--ecu", "battery", "--all", "--json"))
    return differs(sum(row["name"] == "vin" for row in rows), 2) + ([] if len(rows) > 20 else [f"{len(rows)} rows"])


def policy_decides(run):
    refused = [diag(run, "session", "--ecu", "engine", "2", code=1),  # programming
               diag(run, "raw", "--ecu", "engine", "1101", code=1), diag(run, "raw", "--ecu", "engine", "14FFFFFF", code=1)]
    return [error for error in refused if "policy" not in error]


def technicians_session_by_the_demos_policy(run):
    codes = diag(run, "raw", "--ecu", "engine", "190A").upper().replace(" ", "")  # supported ones
    diag(run, "session", "--ecu", "engine", "3", "--hold", "6")  # longer than S3: TesterPresent keeps it
    raw = [diag(run, "raw", "--ecu", "engine", "--session", "3", request).upper().replace(" ", "") for request in ("3E00", "22F186")]
    return ([] if "017100" in codes else [codes]) + ([] if "7E00" in raw[0] and "62F18603" in raw[1] else [raw])


def scan_asks_the_gateways_ecus(run):
    found = json.loads(diag(run, "scan", "--json"))
    wanted = [("engine", "can0"), ("gearbox", "can0"), ("battery", "can0"), ("body", "can1")]
    one_bus = json.loads(diag(run, "scan", "--socket", os.path.join(run.folder, "gateway.sock"), "--bus", "can1", "--json"))
    return differs([(row["ecu"], row["bus"]) for row in found], wanted) + differs({row.get("vin") for row in found}, {VIN}) + \
        differs([row["ecu"] for row in one_bus], ["body"])


def obd_asks_all_ecus_of_a_bus(run):
    gateway = ("--socket", os.path.join(run.folder, "gateway.sock"), "--bus", "can0")
    through = {verb: json.loads(diag(run, "obd", *verb.split(), *gateway, "--json")) for verb in ("info", "readiness", "dtcs", "values engine_speed")}
    straight = {verb: json.loads(diag(run, "obd", *verb.split(), "--bus", "unix:can0.sock", "--json")) for verb in ("info", "readiness", "dtcs")}
    problems = differs({row["ecu"] for row in through["info"]}, {"engine"}) + differs(through["values engine_speed"][0]["unit"], "rpm")
    for verb, rows in straight.items():  # the same, but for how an ECU is called
        problems += differs([{**row, "ecu": None} for row in through[verb]], [{**row, "ecu": None} for row in rows])
    no_bus = diag(run, "obd", "info", code=2)  # both have ECUs
    cleared = diag(run, "obd", "clear", *gateway, code=1)  # changes the vehicle: no rule can let a local client
    return problems + ([] if "--bus" in no_bus else [no_bus]) + ([] if "policy" in cleared else [cleared])


def functional_requests_wait_for_who_has_an_ecu(run):
    gateway = ("--socket", os.path.join(run.folder, "gateway.sock"), "--bus", "can0")
    with socket.socket(socket.AF_UNIX) as other, other.makefile("rw") as stream:
        other.settimeout(TIMEOUT)
        other.connect(os.path.join(run.folder, "gateway.sock"))
        # the case before asked all ECUs straight on the bus: until that is long ago nobody gets one
        stream.write('{"lease":"acquire","ecu":"gearbox","seconds":60,"wait_ms":30000}\n')
        stream.flush()
        answer = json.loads(stream.readline())
        taken = (json.loads(stream.readline()) if answer.get("lease") == "waiting" else answer).get("lease") == "granted"
        refused = diag(run, "obd", "info", *gateway, code=1)
    rows = json.loads(diag(run, "obd", "info", *gateway, "--json"))  # a connection that closes gives it back
    return ([] if taken and "somebody else has" in refused else [refused]) + ([] if rows else ["no rows"])


def requests_are_as_long_as_uds_has_them(run):
    answers = []
    with socket.socket(socket.AF_UNIX) as local, local.makefile("rw") as stream:
        local.settimeout(TIMEOUT)
        local.connect(os.path.join(run.folder, "gateway.sock"))
        for count in (2046, 2047, 5000):  # 4093 bytes; 4095 bytes; over the line's length
            stream.write(json.dumps({"uds": "22" + "F190" * count, "ecu": "engine"}) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
            while "error" not in answer and not answer["final"]:
                answer = json.loads(stream.readline())
            answers.append(answer.get("error") or answer["reason"])
        stream.write(json.dumps({"uds": "22" + "F190" * 2047 + "00", "ecu": "engine"}) + "\n")
        stream.flush()
        answers.append(json.loads(stream.readline()).get("error"))
    # the ECU has refused what it cannot answer in one response: it has read the request whole
    return differs(answers, ["negative-response", "negative-response", "a request is at most 9216 characters",
                             '"uds" must be hex digits of 1 to 4095 bytes, service id first'])


def somebody_elses_lease_is_respected(run):
    with socket.socket(socket.AF_UNIX) as other, other.makefile("rw") as stream:
        other.connect(os.path.join(run.folder, "gateway.sock"))
        stream.write('{"lease":"acquire","ecu":"engine","seconds":60}\n')
        stream.flush()
        if json.loads(stream.readline()).get("lease") != "granted":
            return ["the other got no lease"]
        error = diag(run, "did", "read", "--ecu", "engine", "vin", code=1)
    diag(run, "did", "read", "--ecu", "engine", "vin")  # a connection that closes gives it back
    return [] if "somebody else has the ECU" in error else [error]


def no_such_ecu(run):
    error = diag(run, "did", "read", "--ecu", "nobody", "F190", code=1)
    return [] if "nobody" in error else [error]


def no_gateway(run):
    error = diag(run, "did", "read", "--socket", "/nowhere/g.sock", "--ecu", "engine", "vin", code=3)
    return [] if "/nowhere/g.sock" in error else [error]


def straight_on_the_bus_where_asked(run):
    return [] if VIN in diag(run, "did", "read", "--bus", "unix:can0.sock", "--ecu", "engine", "vin") else ["no VIN"]


def main():
    with stack.Stack() as run:
        run.start_hub()
        run.start_gateway()
        run.start_sim("--parked")
        for test in (reads, everything_is_read_within_the_policys_rate, refusals_of_the_ecu_are_told, policy_decides,
                     technicians_session_by_the_demos_policy, scan_asks_the_gateways_ecus, obd_asks_all_ecus_of_a_bus,
                     functional_requests_wait_for_who_has_an_ecu, requests_are_as_long_as_uds_has_them, somebody_elses_lease_is_respected, no_such_ecu,
                     no_gateway, straight_on_the_bus_where_asked):
            try:
                report.check(f"diag_gateway_{test.__name__}", test(run))
            except Exception as problem:  # a case that breaks is a case that fails
                report.check(f"diag_gateway_{test.__name__}", f"{type(problem).__name__}: {problem}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
