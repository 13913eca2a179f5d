#!/usr/bin/env python3
"""schemathesis against the running backend by the description it serves: answers must have the described statuses, types and
shapes, and nothing may fail inside; and every route of the backend must be in the description, and the other way round."""

import os
import pathlib
import re
import subprocess
import sys

from fleet_rig import BEAM, ROOT, Backend, wait_for
from sim_rig import Report

SCHEMATHESIS = pathlib.Path(sys.executable).parent / "schemathesis"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"
EXAMPLES = os.environ.get("CANTWIN_LONG") and "200" or "8"


def check_routes(report, document):
    """The table in fleet/api.c, read as text."""
    table = re.findall(r"\{CT_API_(\w+), CT_ACCESS_(\w+), \"([^\"]+)\"", (ROOT / "fleet/api.c").read_text())
    served = {(method.lower(), "/metrics" if path == "metrics" else "/api/v1/" + path): role.lower()
              for method, role, path in table}
    served["get", "/api/v1/stream"] = "viewer"
    described = {(method, re.sub(r"\{\w+\}", "*", path)): operation["description"]
                 for path, methods in document["paths"].items() for method, operation in methods.items()}
    report.equal("every route is described, and no other", sorted(described), sorted(served))
    report.check("with its role", [f"{key}: {described[key]}" for key in described
                                   if key in served and f"Role: {served[key]}." not in described[key]])


def check_schemathesis(report, backend):
    if not SCHEMATHESIS.exists():
        print("skip schemathesis: it is not installed beside this Python")
        return
    command = [SCHEMATHESIS, "run", backend.base + "api/openapi.json", "--url", backend.base, "--checks", CHECKS, "--max-examples",
               EXAMPLES, "--phases", "examples,coverage,fuzzing", "--exclude-path", "/api/v1/stream", "--seed", "1", "--request-timeout", "20",
               "--no-color", "--continue-on-failure"]
    run = subprocess.run(command, cwd=backend.folder, capture_output=True, text=True, timeout=600)
    failures = [line.strip() for line in run.stdout.splitlines() if re.match(r"\s*- ", line)]
    if run.returncode != 0:
        print(run.stdout[-6000:], file=sys.stderr)
    tested = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
    print(f"# {tested.group(0) if tested else run.stdout[-300:]}")
    report.check("schemathesis finds no answer that is not described", [] if run.returncode == 0 else failures or ["see above"])
    report.check("and has really asked", [] if tested and int(tested.group(1)) > 100 else "too few cases")


def main():
    report = Report()
    backend = Backend().start()
    try:
        backend.vehicle()
        wait_for(lambda: backend.get("api/v1/vehicles/toy/twin").json["signals"])
        backend.call("PUT", "api/v1/vehicles/toy/desired", {"path": BEAM, "value": True})
        check_routes(report, backend.get("api/openapi.json").json)
        check_schemathesis(report, backend)
        report.equal("the backend still serves", backend.get("api/v1/status").status, 200)
    finally:
        report.equal("and ends cleanly", backend.stop(), 0)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
