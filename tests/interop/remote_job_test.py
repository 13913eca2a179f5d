#!/usr/bin/env python3
"""Diagnostic jobs from the fleet to the ECUs of a vehicle and back: backend, gateway, hubs and simulated ECUs are the real
programs. What a job tells of an ECU must be what the raw requests tell, read by hand here; a job without the release authority
writes nothing; an order is carried out once."""

import json
import subprocess
import sys

from fleet_rig import Backend, wait_for
from sim_rig import BIN, VIN, Report, Vehicle

V = "api/v1/vehicles/toy/"
ECUS = {"engine": 0x7E0, "gearbox": 0x7E1, "battery": 0x7E2}
POLICY = """transmit: [can0]
frames:
  - { bus: can0, id: 0x7E0, mask: 0x7F8, length: 8, rate: 1000, origins: [gateway] }
uds:
  - { ecu: "*", service: 0x19, rate: 1000, origins: [backend, gateway] }
  - { ecu: "*", service: 0x22, rate: 1000, origins: [backend] }
  - { ecu: "*", service: 0x2E, release: true, rate: 10, origins: [backend] }
  - { ecu: "*", service: 0x14, release: true, rate: 10, origins: [backend] }
  - { ecu: "*", service: 0x31, release: true, rate: 10, origins: [backend] }
  - { ecu: "*", service: 0x10, rate: 10, origins: [backend] }
  - { ecu: "*", service: 0x27, rate: 10, origins: [backend] }
"""


def gateway_config(backend):
    keys = backend.folder / "keys"
    return json.dumps({
        "vehicle_id": "toy", "dtc_reads": {"interval_s": 60}, "state_dir": "state", "policy": "policy.yaml", "status_socket": "status.sock",
        "buses": [{"name": "can0", "port": "unix:can0.sock", "transmit": True}],
        "ecus": [{"name": name, "bus": "can0", "request_id": ident, "response_id": ident + 8} for name, ident in ECUS.items()],
        "link": {"endpoint": f"tcp://127.0.0.1:{backend.link}", "server_key": str(keys / "fleet.curve.pub"),
                 "key": str(keys / "vehicle-toy.curve")},
        "trust": [{"role": "director", "key": str(keys / "director.ed25519.pub")},
                  {"role": "release", "key": str(keys / "release.ed25519.pub")}]})


def finish(backend, answer):
    """The command once it has ended."""
    ident = answer.json["command_id"]
    return wait_for(lambda: (lambda c: c if c["final"] else None)(backend.get(f"api/v1/commands/{ident}").json), 30)


def job(backend, **body):
    return finish(backend, backend.call("POST", V + "jobs", body))


def raw(backend, ecu, request):
    return bytes.fromhex(finish(backend, backend.call("POST", V + "diagnostics", {"ecu": ecu, "request": request}))["response"])


def by_hand(backend, ecu):
    """(code, status, snapshots) of each confirmed DTC, by ISO 14229-1 12.3 from the bytes."""
    listed = raw(backend, ecu, "190208")
    rows = []
    for at in range(3, len(listed) - 3, 4):
        code = int.from_bytes(listed[at:at + 3], "big")
        if code:
            records = raw(backend, ecu, f"1904{code:06X}FF")
            rows.append((code, listed[at + 3], records[6:].hex() if records[0] == 0x59 and len(records) > 6 else None))
    return rows


def confirmed(vehicle):
    """What the engine itself tells before any gateway runs."""
    told = subprocess.run([BIN / "cantwin", "diag", "dtc", "list", "--bus", "unix:can0.sock", "--tx", "7E0", "--rx", "7E8",
                           "--mask", "08"], cwd=vehicle.path, capture_output=True, text=True, timeout=60, check=False)
    return told.returncode == 0 and "P0171" in told.stdout


def run(report, backend):
    report.equal("remote_job the_vehicle_is_connected", bool(wait_for(
        lambda: any(v["id"] == "toy" and v["connected"] for v in backend.get("api/v1/vehicles").json["vehicles"]))), True)
    read = job(backend, ecu="*", job="read-dtcs", identifier=0x08)  # confirmed: others come and go with the drive
    report.equal("remote_job reads_the_dtcs_of_all_ecus",
                 (read["state"], [e["ecu"] for e in read["result"]["ecus"]], read["action"]),
                 ("done", list(ECUS), "diagnostic-job"))
    for ecu in read["result"]["ecus"]:
        told = [(d["code"], d["status"], d["snapshots"]) for d in ecu["dtcs"]]
        report.equal(f"remote_job tells_what_the_bytes_of_{ecu['ecu']}_tell", told, by_hand(backend, ecu["ecu"]))
    states = [h["state"] for h in read["history"]]
    report.equal("remote_job tells_its_progress", (states[:3], states.count("running") >= 2, states[-1]),
                 (["queued", "sent", "accepted"], True, "done"))
    codes = {(e["ecu"], d["code"]) for e in read["result"]["ecus"] for d in e["dtcs"]}
    told = wait_for(lambda: (lambda rows: rows if len(rows) >= len(codes) else None)(
        [e["text"] for e in backend.get(V + "events?limit=1000").json["events"] if e["name"] == "dtc-new"]), 20) or []
    report.equal("remote_job reads_of_the_gateway_itself_tell_the_same_codes",
                 codes - {(t.split(":")[0], int(t.split("code ")[1].split(",")[0], 16)) for t in told}, set())
    report.equal("remote_job finds_the_lean_mixture", [c for c in codes if c[0] == "engine"], [("engine", 0x017100)])
    vin = job(backend, ecu="gearbox", job="read-did", identifier=0xF190)
    report.equal("remote_job reads_a_did", (vin["state"], vin["result"]["ecus"][0]["response"]),
                 ("done", (b"\x62\xf1\x90" + VIN.encode()).hex()))
    unknown = job(backend, ecu="gearbox", job="read-did", identifier=0x4711)
    report.equal("remote_job tells_the_refusal_of_an_ecu", (unknown["state"], unknown["reason"],
                 unknown["result"]["ecus"][0]["nrc"]), ("failed", "negative-response", 0x31))
    for kind, body in (("clear-dtcs", {}), ("write-did", {"identifier": 0x160, "data": "00"})):
        written = job(backend, ecu="engine", job=kind, **body)
        report.equal(f"remote_job {kind}_needs_the_release_authority", (written["state"], written["reason"]),
                     ("refused", "policy-authority"))
    report.equal("remote_job unruled_service_is_refused", job(backend, ecu="engine", job="raw", data="1101")["state"], "refused")
    nobody = job(backend, ecu="door", job="read-dtcs")
    report.equal("remote_job of_an_unknown_ecu_is_refused", (nobody["state"], nobody["reason"]), ("refused", "unknown-ecu"))
    wrong = [backend.call("POST", V + "jobs", body).status
             for body in ({"ecu": "*"}, {"ecu": "*", "job": "flash"}, {"ecu": "a b", "job": "read-dtcs"},
                          {"ecu": "*", "job": "write-did"}, {"ecu": "*", "job": "raw", "data": "0"},
                          {"ecu": "*", "job": "read-did", "identifier": 65536}, {"ecu": "*", "job": "read-dtcs", "speed": 1})]
    report.equal("remote_job wrong_bodies_are_refused", wrong, [400] * 7)


def prepare(backend, **body):
    return backend.call("POST", V + "jobs", {**body, "release": "offline"})


def sign(backend, answer, keys="keys"):
    """What the holder of a release key gets: the body to post and the words."""
    done = subprocess.run([BIN / "cantwin", "keys", "sign-command", "--key", f"{keys}/release.ed25519.key", answer.json["payload"]],
                          cwd=backend.folder, capture_output=True, text=True, timeout=20, check=True)
    return json.loads(done.stdout), done.stderr


def release(backend, answer, signature):
    return backend.call("POST", f"{V}commands/{answer.json['command_id']}/release", signature).status


def released(backend, keys="keys", **body):
    answer = prepare(backend, **body)
    if release(backend, answer, sign(backend, answer, keys)[0]) != 202:
        return {"state": "release not taken", "history": []}
    return finish(backend, answer)


def codes_of(backend):
    return [d["code"] for d in job(backend, ecu="engine", job="read-dtcs", identifier=0x08)["result"]["ecus"][0]["dtcs"]]


def clear(report, backend):
    mend = {"ecu": "engine", "job": "routine", "identifier": 0x300, "data": "010000"}
    strange = prepare(backend, ecu="engine", job="clear-dtcs")
    taken = release(backend, strange, sign(backend, strange, "other")[0])
    codes = codes_of(backend)  # a later command has ended by now; what is not genuine is never answered
    report.equal("remote_job release_by_a_strange_key_does_nothing",
                 (taken, codes, backend.get(f"api/v1/commands/{strange.json['command_id']}").json["state"]), (202, [0x017100], "sent"))
    report.equal("remote_job released_routine_is_carried_out", released(backend, **mend)["state"], "done")
    answer = prepare(backend, ecu="engine", job="clear-dtcs")
    waiting = backend.get(f"api/v1/commands/{answer.json['command_id']}").json
    report.equal("remote_job without_its_release_waits",
                 (answer.status, answer.json["state"], answer.json["domain"], waiting["state"], waiting["final"]),
                 (202, "awaiting-release", "cantwin/command/v1", "awaiting-release", False))
    body, words = sign(backend, answer)
    report.equal("remote_job signer_reads_what_it_does", [w in words for w in ("toy", "engine", "clear-dtcs")], [True] * 3)
    wrong = [release(backend, answer, b) for b in ({}, {**body, "signature": "00"}, {**body, "key_id": "zz" * 32})]
    report.equal("remote_job release_of_wrong_form_is_refused", wrong, [400] * 3)
    report.equal("remote_job release_of_nothing_is_not_found", backend.call("POST", f"{V}commands/{'0' * 32}/release", body).status, 404)
    report.equal("remote_job release_is_taken_once", [release(backend, answer, body) for _ in range(2)], [202, 409])
    done = finish(backend, answer)
    report.equal("remote_job released_clear_clears", (done["state"], [h["state"] for h in done["history"]][:3], codes_of(backend)),
                 ("done", ["queued", "awaiting-release", "queued"], []))
    trail = [r["status"] for r in backend.get("api/v1/audit?limit=1000").json["audit"]
             if r["action"].endswith(f"{answer.json['command_id']}/release")]
    report.equal("remote_job releases_are_in_the_audit_trail", sorted(trail), [202, 400, 400, 400, 409])


def write(report, backend):
    mark = b"cantwin released".hex()
    body = {"ecu": "engine", "job": "write-did", "identifier": 0x300, "data": mark}
    late = prepare(backend, **body)
    signature, _ = sign(backend, late)
    before = raw(backend, "engine", "220300").hex()
    report.equal("remote_job commands_sent_while_it_was_signed_do_not_matter",  # out of the extended session: the ECU refuses
                 (before == "620300" + mark, release(backend, late, signature), finish(backend, late)["reason"]),
                 (False, 202, "negative-response"))
    first, second = prepare(backend, **body), prepare(backend, **body)
    signed = [sign(backend, answer)[0] for answer in (first, second)]
    report.equal("remote_job release_behind_a_later_release_is_refused",
                 (release(backend, second, signed[1]), finish(backend, second)["reason"], release(backend, first, signed[0])),
                 (202, "negative-response", 409))
    early = prepare(backend, expires_in_ms=1000, **body)
    report.equal("remote_job nobody_released_expires", (finish(backend, early)["state"], release(backend, early, signature)),
                 ("expired", 409))
    raw(backend, "engine", "1003")
    mixed = int.from_bytes(raw(backend, "engine", "2701")[2:], "big") ^ 0x63616E74  # sim/ecu_service.h
    key = ((mixed << 1 | mixed >> 31) + 0x7477696E) & 0xFFFFFFFF
    raw(backend, "engine", f"2702{key:08X}")
    written = released(backend, **body)
    report.equal("remote_job released_write_writes", (written["state"], raw(backend, "engine", "220300").hex()), ("done", "620300" + mark))


def main():
    report = Report()
    backend = Backend()
    try:
        with Vehicle() as vehicle:
            backend.start()
            subprocess.run([BIN / "cantwin", "keys", "init", "--dir", "other", "--vehicle", "toy"], cwd=backend.folder, check=True,
                           stdout=subprocess.DEVNULL)
            (vehicle.path / "policy.yaml").write_text(POLICY, encoding="ascii")
            (vehicle.path / "gateway.yaml").write_text(gateway_config(backend), encoding="ascii")
            vehicle.cantwin("bus", "send", "unix:can0.sock", "7E0#06310103000001AA")  # the mixture becomes lean
            report.equal("remote_job the_mixture_is_confirmed", bool(wait_for(lambda: confirmed(vehicle))), True)
            vehicle.start([BIN / "cantwin-gateway", "--config", "gateway.yaml"])
            run(report, backend)
            clear(report, backend)
            write(report, backend)
    finally:
        backend.stop()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
