#!/usr/bin/env python3
"""The fleet's twin by plain HTTP: labels, questions over the fleet, models, alert rules and their events, quality; history by bins, at one moment
and as CSV, each against what the raw samples say when Python computes it from them."""

import csv
import http.server
import io
import json
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

from fleet_rig import BEAM, ROOT, Backend, wait_for
from sim_rig import Report

V = "api/v1/vehicles/toy/"
COUNTER, SPEED, GEAR = "can0.TOY.SIGNAL_001", "Vehicle.Speed", "Vehicle.Powertrain.Transmission.Gear"


def query(**parameters):
    return urllib.parse.urlencode(parameters)


class Hook(http.server.BaseHTTPRequestHandler):
    """Refuses the first news and takes it when it comes again."""
    taken, refused = [], 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Hook.refused == 0:
            Hook.refused = 1
            self.send_response(503)
        else:
            Hook.taken.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def check_webhook(report, backend):
    told = wait_for(lambda: Hook.taken if len(Hook.taken) >= 2 else None) or []
    report.equal("the webhook is told of begin and end, also after a refusal",
                 [(kind, n["alert"], n["rule"], n["vehicle"]) for kind, n in told],
                 [("application/json", what, "lamp", "toy") for what in ("raised", "ended")])
    metrics = backend.get("metrics").body.decode()
    report.check("and it is counted", [] if "cantwin_webhook_sent_total 2" in metrics and "webhook_lost_total 0" in metrics
                 else [line for line in metrics.splitlines() if line.startswith("cantwin_webhook")])


def check_labels(report, backend):
    labels = {"group": "north", "model": "toy-1", "tags": ["taxi", "ev"]}
    report.equal("labels are set", backend.call("PUT", V + "labels", labels).status, 200)
    listed = [len(backend.get(f"api/v1/vehicles?{q}").json["vehicles"])
              for q in ("tag=ev", "tag=e", "group=north", "group=south", "model=toy-1&tag=taxi")]
    report.equal("the list is narrowed by them", listed, [1, 0, 1, 0, 1])
    backend.call("PUT", V + "labels", {"tags": ["ev"]})
    kept = backend.get("api/v1/vehicles").json["vehicles"][0]
    report.equal("what is not named stays", (kept["group"], kept["tags"]), ("north", ["ev"]))
    wrong = [backend.call("PUT", V + "labels", body).status
             for body in ({"tags": ["a b"]}, {"tags": "ev"}, {"group": "x" * 65}, {"tags": ["t"] * 17}, {"colour": "red"})]
    report.equal("wrong labels are refused", wrong, [400] * 5)


def check_models(report, backend):
    first = backend.call("PUT", "api/v1/models/toy-1", {"dbc": "toy.dbc 3", "policy": "7"})
    report.equal("a model is kept", (first.status, first.json["revision"], first.headers["ETag"]), (200, 1, '"1"'))
    stale = backend.call("PUT", "api/v1/models/toy-1", {"dbc": "x"}, None, {"If-Match": '"0"'})
    fresh = backend.call("PUT", "api/v1/models/toy-1", {"dbc": "toy.dbc 4"}, None, {"If-Match": '"1"'})
    report.equal("of two writers one is told", (stale.status, fresh.status), (412, 200))
    report.equal("models are listed", [m["dbc"] for m in backend.get("api/v1/models").json["models"]], ["toy.dbc 4"])
    report.equal("and removed", [backend.call("DELETE", "api/v1/models/toy-1").status for _ in range(2)], [200, 404])


def check_questions(report, backend):
    # A counter of the toy rises by 1000 a batch and is never negative; its speed stays within 10 and 90.
    answers = [len(backend.get("api/v1/query?" + query(where=where)).json["vehicles"])
               for where in (f"{COUNTER} >= 0", f"{COUNTER} < 0", f"{SPEED} > 105", f"{SPEED} <= 90", f"{SPEED} > 9.9")]
    report.equal("the fleet answers questions", answers, [1, 0, 0, 1, 1])
    both = "&".join([query(where=f"{COUNTER} >= 0"), query(where=f"{SPEED} > 105")])
    report.equal("all conditions count", backend.get("api/v1/query?" + both).json["vehicles"], [])
    report.equal("a question without sense is refused", backend.get("api/v1/query?" + query(where="1; DROP TABLE")).status, 400)


def alerts(backend, open_only=True):
    return backend.get("api/v1/alerts?open=" + str(open_only).lower()).json["alerts"]


def check_alerts(report, backend):
    put = lambda name, body: backend.call("PUT", f"api/v1/rules/{name}", body).status
    report.equal("rules are taken, wrong ones are not",
                 [put("lamp", {"condition": f"{BEAM} == true", "severity": "critical", "tag": "ev"}),
                  put("other", {"condition": f"{COUNTER} >= 0", "tag": "nobody"}), put("bad", {"condition": "x"}),
                  put("bad", {"condition": f"{BEAM} == true", "severity": "awful"})], [200, 200, 400, 400])
    backend.call("PUT", V + "desired", {"path": BEAM, "value": True})
    raised = wait_for(lambda: alerts(backend)) or [{}]
    report.equal("the rule raises one alert", [(a.get("rule"), a.get("vehicle"), a.get("severity")) for a in raised],
                 [("lamp", "toy", "critical")])
    shown = backend.get("api/v1/vehicles").json["vehicles"][0]["alerts"]
    number = raised[0].get("id")
    statuses = [backend.call("POST", f"api/v1/alerts/{number}/acknowledge", {"note": "seen"}).status for _ in range(2)]
    report.equal("it is shown and acknowledged once", (shown, statuses), (1, [200, 409]))
    backend.call("PUT", V + "desired", {"path": BEAM, "value": False})
    report.check("it ends when the condition does", [] if wait_for(lambda: not alerts(backend)) else "still open")
    last = alerts(backend, False)[0]
    report.equal("and stays in the list", (last["acknowledged_by"], last["note"], last["until_utc_ms"] > last["since_utc_ms"]),
                 ("loopback", "seen", True))
    report.equal("rules are removed", [backend.call("DELETE", "api/v1/rules/lamp").status for _ in range(2)], [200, 404])


class Stream:
    """Events of an event stream as they come: (name, data)."""

    def __init__(self, backend, parameters):
        self.events = []
        self.answer = urllib.request.urlopen(backend.base + "api/v1/stream" + parameters, timeout=60)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        name = None
        for line in self.answer:
            kind, _, text = line.decode().strip().partition(": ")
            if kind == "data":
                self.events.append((name, json.loads(text)))
            name = text if kind == "event" else name

    def alerts(self):
        return [(data["alert"], data["vehicle"], data["rule"], data["severity"]) for name, data in self.events if name == "alert"]


def check_alert_streams(report, backend):
    """Both streams are told when an alert comes, when its rule is changed so that it ends, and when its rule goes."""
    of_vehicle, of_fleet, of_other = (Stream(backend, p) for p in ("?vehicle=toy", "", "?vehicle=other"))
    wait_for(lambda: backend.get("api/v1/status").json["sse_clients"] == 3)
    wanted = []
    for what, change in (("raised", {"condition": f"{COUNTER} >= 0", "severity": "info"}), ("ended", {"condition": f"{COUNTER} < 0"}),
                         ("raised", {"condition": f"{COUNTER} >= 0", "severity": "info"}), ("ended", None)):
        backend.call("PUT" if change else "DELETE", "api/v1/rules/here", change)
        wanted.append((what, "toy", "here", "info"))
        wait_for(lambda: len(of_fleet.alerts()) >= len(wanted) and len(of_vehicle.alerts()) >= len(wanted))
    report.equal("the vehicle's stream tells of alerts", of_vehicle.alerts(), wanted)
    report.equal("so does the fleet's", of_fleet.alerts(), wanted)
    report.equal("which tells of nothing else", {name for name, _ in of_fleet.events}, {"alert"})
    report.equal("nor another vehicle's of any", of_other.alerts(), [])
    report.equal("an empty name is none", backend.get("api/v1/stream?vehicle=").status, 400)


def check_history(report, backend):
    raw = wait_for(lambda: (lambda a: a if len(a["samples"]) > 60 else None)(
        backend.get(V + "history?" + query(signal=SPEED, **{"from": 0})).json))
    first, last = raw["samples"][0][0], raw["samples"][-1][0]
    span = {"from": first // 1000, "to": last // 1000}
    samples = [s for s in raw["samples"] if s[0] <= span["to"] * 1000 + 999]
    got = backend.get(V + "history?" + query(signal=SPEED, points=7, **span)).json
    expected = {}
    for us, value, _ in samples:
        expected.setdefault((us - span["from"] * 1000) // got["width_us"], []).append(value)
    wanted = [[span["from"] * 1000 + k * got["width_us"], min(v), max(v), sum(v) / len(v), v[-1], len(v)]
              for k, v in sorted(expected.items())]
    problems = [f"{g} for {w}" for g, w in zip(got["bins"], wanted)
                if g[:3] + g[4:] != w[:3] + w[4:] or abs(g[3] - w[3]) > 1e-9]
    report.check("bins are what the samples say", problems + ([] if len(got["bins"]) == len(wanted) > 3 else ["too few"]))
    middle = samples[len(samples) // 2]
    at = {offset: backend.get(V + "history?" + query(signal=SPEED, at=middle[0] // 1000 + offset)).json["samples"]
          for offset in (1, -10 ** 9)}
    known = [s for s in samples if s[0] <= (middle[0] // 1000 + 1) * 1000 + 999]
    report.equal("the value at a moment is the last one before it", (at[1], at[-10 ** 9]), ([known[-1]], []))
    for signal in (SPEED, GEAR, "Vehicle.Toy.Name"):
        wanted = backend.get(V + "history?" + query(signal=signal, **span)).json["samples"]
        text = backend.get(V + "history.csv?" + query(signal=signal, **span)).body.decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        same = [(int(r["utc_us"]), r["value"], int(r["quality"])) for r in rows] == [
            (us, v if isinstance(v, str) else str(v), q) for us, v, q in wanted] if signal != SPEED else [
            (int(r["utc_us"]), float(r["value"])) for r in rows] == [(us, v) for us, v, _ in wanted]
        report.check(f"CSV has the same samples: {signal}", [] if same and rows else f"{rows[:2]} for {wanted[:2]}")
    bad = [backend.get(V + "history?" + query(signal=SPEED, **q)).status
           for q in ({"points": -1}, {"points": 5001}, {"points": "x"}, {"at": "x"}, {"from": 2, "to": 1},
                     {"to": -9223372036854775}, {"at": 9223372036854775807})]
    report.equal("wrong questions to the history are refused", bad, [400] * 7)


def check_parquet(report, backend):
    """The helper's file, read by pyarrow, beside the API's samples."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        print("skip parquet: pyarrow is not installed")
        return
    wanted = backend.get(V + "history?" + query(signal=SPEED, **{"from": 0})).json["samples"]
    ends = ["--from", "0", "--to", str(wanted[-1][0] // 1000)]
    made = subprocess.run([sys.executable, ROOT / "vcan-scripts/history-parquet", "--url", backend.base, "--vehicle", "toy", *ends,
                           "--out", "day.parquet", SPEED, "Vehicle.Toy.Name"], cwd=backend.folder, capture_output=True, text=True)
    rows = pq.read_table(backend.folder / "day.parquet").to_pylist() if made.returncode == 0 else []
    speeds = [(int(r["utc"].timestamp() * 1e6 + 0.5), r["value"]) for r in rows if r["signal"] == SPEED]
    names = {r["text"] for r in rows if r["signal"] == "Vehicle.Toy.Name"}
    known = [(us, v) for us, v, _ in wanted if us <= wanted[-1][0] // 1000 * 1000 + 999]
    report.check("Parquet has the same samples", [] if speeds == known and names & {"Ada", "Grace", "Edith"} else made.stderr or "differ")
    refused = subprocess.run([sys.executable, ROOT / "vcan-scripts/history-parquet", "--url", backend.base, "--vehicle", "nobody",
                              *ends, "--out", "x.parquet", SPEED], cwd=backend.folder, capture_output=True, text=True)
    report.equal("and says what the backend refuses", (refused.returncode, "404" in refused.stderr), (1, True))


def check_quality(report, backend):
    quality = backend.get(V + "quality").json
    counts = quality["signals"]
    report.check("quality adds up", [] if counts["total"] == counts["good"] + counts["never_seen"] and counts["good"] > 3 and
                 abs(quality["clock_ahead_ms"]) < 5000 and quality["last_seen_age_ms"] < 60000 else str(quality))


def main():
    report = Report()
    hook = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    backend = Backend(alerts={"webhook": f"http://127.0.0.1:{hook.server_port}/alerts"}).start()
    try:
        backend.vehicle()
        wait_for(lambda: backend.get(V + "twin").json["signals"])
        check_labels(report, backend)
        check_models(report, backend)
        check_questions(report, backend)
        check_alerts(report, backend)
        check_webhook(report, backend)
        check_alert_streams(report, backend)
        check_history(report, backend)
        check_parquet(report, backend)
        check_quality(report, backend)
    finally:
        report.equal("the backend ends cleanly", backend.stop(), 0)
        hook.shutdown()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
