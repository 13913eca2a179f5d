#!/usr/bin/env python3
"""The backend's doors and its store, by third-party clients: Python's TLS and HTTP against tokens, roles, origins and SIGHUP;
Prometheus' own reader on /metrics; sqlite3 on copies and on a store of the first schema."""

import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import time

from fleet_rig import BEAM, Backend, wait_for
from sim_rig import Report

V = "api/v1/vehicles/toy/"


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out",
                    "tls.crt"], cwd=folder, check=True, capture_output=True)


def new_token(backend, user, role):
    made = backend.tool("--new-token", "tokens.txt", user, role)
    return made.stdout.strip()


def check_doors(report):
    origin = "https://board.example"
    backend = Backend({"tokens": "tokens.txt", "tls_certificate": "tls.crt", "tls_key": "tls.key", "allow_origin": origin})
    try:
        certificate(backend.folder)
        viewer, operator = new_token(backend, "vera", "viewer"), new_token(backend, "otto", "operator")
        backend.start()
        backend.vehicle()
        report.check("the API takes tokens over TLS",
                     [] if wait_for(lambda: backend.get(V + "twin", viewer).json["signals"]) else "no twin")
        with_token = {role: backend.get("api/v1/vehicles", token).status
                      for role, token in (("none", None), ("wrong", "cantwin_" + "0" * 64), ("viewer", viewer))}
        report.equal("without a token, or with a wrong one, nobody reads", with_token,
                     {"none": 401, "wrong": 401, "viewer": 200})
        report.equal("a 401 names the scheme", backend.get("api/v1/status").headers["WWW-Authenticate"].split()[0], "Bearer")
        report.equal("a viewer writes nothing", backend.call("PUT", V + "desired", {"path": BEAM, "value": True}, viewer).status,
                     403)
        done = backend.call("PUT", V + "desired", {"path": BEAM, "value": True}, operator)
        report.equal("an operator does", done.status, 202)
        trail = backend.get("api/v1/audit", operator).json["audit"]
        report.equal("both are in the trail", [(r["user"], r["status"]) for r in trail], [("otto", 202), ("vera", 403)])
        foreign = [backend.get("api/v1/status", viewer, {"Origin": o}) for o in (origin, "https://evil.example")]
        report.equal("only the allowed origin's pages get answers",
                     [(a.status, a.headers["Access-Control-Allow-Origin"]) for a in foreign], [(200, origin), (403, None)])
        flight = backend.call("OPTIONS", V + "desired", None, None, {"Origin": origin, "Access-Control-Request-Method": "PUT"})
        report.equal("its preflight passes", (flight.status, "PUT" in flight.headers["Access-Control-Allow-Methods"]),
                     (204, True))
        check_revoked(report, backend, operator)
        report.equal("HTTP without TLS gets nothing", plain(backend.port), b"")
        secrets = [viewer, operator]
        report.check("no token is in the log", [s for s in secrets if s in backend.log()])
    finally:
        report.equal("the backend ends cleanly", backend.stop(), 0)


def plain(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /api/v1/vehicles HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        try:
            answer = connection.recv(100)
        except ConnectionError:
            return b""
    return b"" if not answer.startswith(b"HTTP") else answer


def check_revoked(report, backend, operator):
    tokens = backend.folder / "tokens.txt"
    tokens.write_text("".join(line for line in tokens.read_text().splitlines(True) if not line.startswith("otto")))
    backend.fleet.send_signal(signal.SIGHUP)
    report.check("SIGHUP takes a token away",
                 [] if wait_for(lambda: backend.get("api/v1/status", operator).status == 401) else "still there")


def check_defaults(report):
    backend = Backend({"address": "0.0.0.0"})
    try:
        ended = backend.tool("--config", "fleet.yaml")
        report.equal("beyond loopback without tokens it does not start", (ended.returncode, "http.tokens" in ended.stderr),
                     (2, True))
    finally:
        backend.stop()


def parse_metrics(text):
    """By Prometheus' own reader where it is installed."""
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        print("skip prometheus reads /metrics: prometheus_client is not installed")
        return None
    return {s.name: s.value for f in text_string_to_metric_families(text) for s in f.samples}


def check_metrics(report, backend):
    answer = backend.get("metrics")
    metrics = parse_metrics(answer.body.decode())
    if metrics is None:
        return
    status = backend.get("api/v1/status").json
    report.check("prometheus reads /metrics", [] if metrics["cantwin_vehicles_connected"] == 1 and
                 0 < metrics["cantwin_samples_total"] <= status["samples"] else str(metrics))
    board = json.loads((pathlib.Path(os.environ.get("CANTWIN_SOURCE", pathlib.Path(__file__).parents[2])) /
                        "packaging/grafana/cantwin-fleet.json").read_text())
    used = {word for panel in board["panels"] for target in panel.get("targets", [])
            for word in target["expr"].replace("(", " ").replace("[", " ").replace(")", " ").split()
            if word.startswith("cantwin_")}
    report.check("the Grafana dashboard asks for nothing that is not there", sorted(used - set(metrics)))


def check_slow_stream(report, backend):
    """A reader that never reads is closed; others are not held up."""
    with socket.create_connection(("127.0.0.1", backend.port), timeout=30) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"GET /{'api/v1/stream?vehicle=toy'} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_for(lambda: backend.get("api/v1/status").json["sse_clients"] == 1)
        times = []
        for _ in range(20):
            before = time.monotonic()
            backend.get(V + "twin")
            times.append(time.monotonic() - before)
        report.check("a stream that nobody reads holds nobody up", [] if sorted(times)[10] < 2 else str(times))


def check_backup(report, backend):
    """A copy made while the vehicle sends, put back elsewhere, has at least what was acknowledged before it was made."""
    stored = backend.get("api/v1/status").json["samples"]
    report.equal("a backup is made while the backend runs",
                 backend.tool("--config", "fleet.yaml", "--backup", "copy").returncode, 0)
    report.equal("not over another one", backend.tool("--config", "fleet.yaml", "--backup", "copy").returncode, 3)
    report.equal("a restore does not overwrite a store",
                 backend.tool("--config", "fleet.yaml", "--restore", "copy").returncode, 3)
    with sqlite3.connect(backend.folder / "copy/fleet.db") as copy:
        report.equal("the copy is whole", copy.execute("PRAGMA integrity_check").fetchone()[0], "ok")
    for process in list(backend.processes):
        backend.end(process)
    (backend.folder / "state").rename(backend.folder / "lost")
    report.equal("a restore brings it back", backend.tool("--config", "fleet.yaml", "--restore", "copy").returncode, 0)
    backend.start()
    history = wait_for(lambda: backend.get(V + "history?from=0&signal=can0.TOY.SIGNAL_000").json["samples"]) or []
    report.check("with its history", [] if history and stored > 0 else "no samples")
    backend.vehicle()
    report.check("and the vehicle goes on with it",
                 [] if wait_for(lambda: backend.get("api/v1/status").json["samples"] > 0) else "nothing comes")


def check_bundle(report, backend):
    made = backend.tool("--config", "fleet.yaml", "--support-bundle", "bundle.json")
    text = (backend.folder / "bundle.json").read_text() if made.returncode == 0 else "{}"
    bundle = json.loads(text)
    secrets = [p.read_text().strip() for p in (backend.folder / "keys").glob("*.key")]
    report.check("the support bundle has no secret and no vehicle", [s for s in [*secrets, '"toy"', BEAM] if s in text])
    report.equal("but the state of the store", (bundle["store"]["integrity"], int(bundle["store"]["vehicles"])), ("ok", 1))


# What takes a store of this program back to an older schema, step by step: everything away that came later.
BACK = {
    3: "".join(f"DROP TABLE {name};" for name in ("roots", "releases", "release_blobs", "blob_parts", "rollouts", "rollout_vehicles", "updates",
                                                  "update_history", "vehicle_sets", "audit_heads")),
    2: "DROP TRIGGER chunk_deleted; DROP INDEX chunks_to_merge; DROP TABLE columns; ALTER TABLE chunks DROP COLUMN form;",
    1: "DROP TABLE audit; DROP TABLE labels; DROP TABLE models; DROP TABLE rules; DROP TABLE alerts;",
}


def check_migration(report, backend, schema):
    """A store of an older schema is brought forward with its history, and goes on."""
    before = backend.get(V + "history?from=0&signal=can0.TOY.SIGNAL_000").json["samples"]
    for process in list(backend.processes):
        backend.end(process)
    with sqlite3.connect(backend.folder / "state/fleet.db") as store:
        for step in range(store.execute("PRAGMA user_version").fetchone()[0] - 1, schema - 1, -1):
            store.executescript(BACK[step])
        store.execute(f"PRAGMA user_version = {schema}")
    store.close()
    backend.start()
    after = backend.get(V + "history?from=0&signal=can0.TOY.SIGNAL_000").json["samples"]
    report.check(f"a store of schema {schema} is brought forward with its history",
                 [] if before and after[:len(before)] == before else f"{len(before)} before, {len(after)} after")
    report.equal("and takes what came later", backend.get("api/v1/audit").status, 200)


def check_newer(report, backend):
    for process in list(backend.processes):
        backend.end(process)
    with sqlite3.connect(backend.folder / "state/fleet.db") as store:
        store.execute("PRAGMA user_version = 999")
    store.close()
    ended = backend.tool("--config", "fleet.yaml")
    report.equal("a store of a newer version is refused", (ended.returncode, "newer version" in ended.stderr), (3, True))


def main():
    report = Report()
    check_doors(report)
    check_defaults(report)
    backend = Backend().start()
    try:
        backend.vehicle()
        wait_for(lambda: len(backend.get(V + "history?from=0&signal=can0.TOY.SIGNAL_000").json["samples"]) > 20)
        check_metrics(report, backend)
        check_slow_stream(report, backend)
        check_bundle(report, backend)
        check_backup(report, backend)
        check_migration(report, backend, 3)
        check_migration(report, backend, 2)
        check_migration(report, backend, 1)
        check_newer(report, backend)
    finally:
        backend.stop()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
