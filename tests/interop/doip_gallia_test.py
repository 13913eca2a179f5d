#!/usr/bin/env python3
"""gallia, a scanner that is not ours, through the DoIP gateway: it finds exactly the logical addresses that are configured,
the sessions and identifiers the simulated engine has, and behind every other service the gateway's refusal.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import os
import re
import subprocess
import sys
import threading

import doip_gateway_test as rig
from sim_rig import BIN, TIMEOUT, VIN, Report, Vehicle

GALLIA = os.path.join(os.path.dirname(sys.executable), "gallia")
ENTITY = "doip://127.0.0.1:13400?protocol_version=3&activation_type=0&src_addr=0x0e80"
ENGINE = f"{ENTITY}&target_addr=0x2010"
ANSWERING = {0x2010, 0x2011, 0x2014}  # 2016 is configured, but nobody is there
ALLOWED = {0x10, 0x22, 0x3E}          # the policy's rules for testers
IDENTIFIERS = {0xF186, 0xF187, 0xF189, 0xF18C, 0xF190, 0xF197}  # of sim/ecu_data.h and the standard's F186

report = Report()


def gallia(name, *arguments):
    run = subprocess.run([GALLIA, *arguments, "--no-volatile-info"], capture_output=True, text=True, timeout=4 * TIMEOUT, check=False)
    text = run.stdout + run.stderr
    report.check(f"doip_gallia {name}_runs", [] if run.returncode == 0 else text[-600:])
    return text


def numbers(pattern, text):
    return {int(found, 16) for found in re.findall(pattern, text)}


def discover():
    text = gallia("discovery", "discover", "doip", "--target", ENTITY, "--start", "0x2000", "--stop", "0x2020")
    valid = numbers(r"target address 0x([0-9a-f]+) is valid", text)
    answering = numbers(r"0x([0-9a-f]+) responded", text)
    unknown = numbers(r"0x([0-9a-f]+) is an unknown target address", text)
    report.equal("doip_gallia finds_exactly_the_addresses", valid, {*ANSWERING, 0x2016})
    report.equal("doip_gallia is_answered_by_the_ecus_that_are_there", answering, ANSWERING)
    report.equal("doip_gallia is_told_of_every_other_address", unknown, set(range(0x2000, 0x2021)) - valid)


def sessions():
    text = gallia("sessions", "scan", "uds", "sessions", "--depth", "1", "--target", ENGINE)
    report.equal("doip_gallia finds_exactly_the_sessions", numbers(r"\* Session 0x([0-9A-Fa-f]{2})", text), {1, 2, 3})


def identifiers():
    text = gallia("identifiers", "scan", "uds", "identifiers", "--service", "0x22", "--start", "0xF180", "--end", "0xF19F",
                  "--target", ENGINE)
    report.equal("doip_gallia finds_exactly_the_identifiers", numbers(r"\[result\]: 0x([0-9a-f]{4}): ReadData", text), IDENTIFIERS)


def services():
    text = gallia("services", "scan", "uds", "services", "--sessions", "1", "--no-scan-response-ids", "--target", ENGINE)
    rows = {int(sid, 16): answer for sid, answer in re.findall(r"\[result\]:\s+\[0x([0-9a-fA-F]{2})\] [^:]*: (\w+)", text)}
    refused = {sid for sid, answer in rows.items() if answer == "securityAccessDenied"}
    report.check("doip_gallia sees_all_services", [] if len(rows) > 100 else f"{len(rows)} rows: {text[-400:]}")
    report.equal("doip_gallia gets_no_further_than_policy_lets_it", set(rows) - refused, ALLOWED)


def main():
    if not os.path.exists(GALLIA):
        print("skip doip_gallia: gallia is not installed")
        return 0
    with Vehicle(sim=("--parked", "true")) as vehicle:
        rig.make_certificates(vehicle.path)
        (vehicle.path / "gateway.yaml").write_text(rig.CONFIG.format(vin=VIN), encoding="ascii")
        (vehicle.path / "policy.yaml").write_text(rig.POLICY.replace("rate: 100,", "rate: 1000,"), encoding="ascii")
        gateway = vehicle.start([BIN / "cantwin-gateway", "--config", "gateway.yaml"])
        threading.Thread(target=gateway.stderr.read, daemon=True).start()
        discover()
        sessions()
        identifiers()
        services()
        gateway.terminate()
        report.equal("doip_gallia gateway_ends_cleanly", gateway.wait(TIMEOUT), 0)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
