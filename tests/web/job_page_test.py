#!/usr/bin/env python3
"""Diagnostic jobs on the vehicle's page in headless Chromium, with the real backend, gateway and simulated ECUs behind it: a job
is asked for, its progress and its result are shown; what needs the release authority is refused without it, and carried out with
the file of a release key signed away from the backend.

usage: job_page_test.py [--shots FOLDER]"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

import page_test
from page_test import Browser, result
from pages_test import audit, go
from fleet_rig import BIN, Backend, wait_for  # page_test knows where it is
import remote_job_test as chain
from sim_rig import Vehicle

FILL = """const form = document.getElementById('job');
for (const [name, value] of Object.entries(arguments[0])) {
  if (name === 'offline') form.elements.offline.checked = value;
  else form.elements[name].value = value;
  form.elements[name].dispatchEvent(new Event('change'));
}"""
START = "document.querySelector('#job button').click()"
FIELDS = "return [...document.querySelectorAll('#job label:not([hidden]) [name]')].map((e) => e.name)"
# Every state a command of the list passes through, and whether a bar was shown on its way.
WATCH = """window.seen = {};
new MutationObserver(() => {
  for (const entry of document.querySelectorAll('#commands li')) {
    const states = window.seen[entry.dataset.id] ??= [];
    if (states.at(-1) !== entry.dataset.state) states.push(entry.dataset.state);
    if (entry.querySelector('progress') && !states.includes('bar')) states.unshift('bar');
  }
}).observe(document.getElementById('commands'), { childList: true, subtree: true });"""
NEWEST = """const entry = document.querySelector('#commands li');
return entry ? { id: entry.dataset.id, state: entry.dataset.state, text: entry.textContent,
  payload: entry.querySelector('.payload')?.value ?? null, file: entry.querySelector('[type=file]') !== null } : null"""
TOAST = "const t = document.getElementById('toast'); return t.hidden ? '' : t.textContent"
ENDED = ("done", "failed", "refused", "expired", "outcome-unknown")


def ask(browser, **fields):
    """Starts a job by the form; its entry once it has ended or awaits its release."""
    before = (browser.run(NEWEST) or {}).get("id")
    browser.run(FILL, {"job": "read-dtcs", "offline": False, **fields})
    browser.run(START)
    return wait_for(lambda: (lambda e: e if e and e["id"] != before and e["state"] in (*ENDED, "awaiting-release") else None)(
        browser.run(NEWEST)), 60) or {"id": "", "state": "nothing came", "text": "", "payload": None}


def ended(browser, ident):
    """The newest entry, which is this command's, once it has ended."""
    return wait_for(lambda: (lambda e: e if e and e["id"] == ident and e["state"] in ENDED else None)(browser.run(NEWEST)), 60) or {}


def give(browser, path):
    found = browser.call("POST", browser.session + "/element", {"using": "css selector", "value": "#commands [type=file]"})
    element = next(iter(found.values()))
    browser.call("POST", f"{browser.session}/element/{element}/value", {"text": str(path)})


def check_form(browser):
    shown = {}
    for job in ("read-dtcs", "read-did", "clear-dtcs", "write-did", "raw"):
        browser.run(FILL, {"job": job})
        shown[job] = browser.run(FIELDS)
    result(shown == {"read-dtcs": ["job", "ecu"], "read-did": ["job", "ecu", "identifier"], "clear-dtcs": ["job", "ecu", "offline"],
                     "write-did": ["job", "ecu", "identifier", "data", "offline"], "raw": ["job", "ecu", "data", "offline"]},
           "a job's form asks for what the job needs", str(shown))


def check_reading(browser):
    browser.run(WATCH)
    read = ask(browser, ecu="engine")
    result(read["state"] == "done" and "P0171-00" in read["text"] and "confirmed" in read["text"],
           "a job reads the engine's trouble codes and the page tells them", read["text"][:200])
    everybody = ask(browser, ecu="*")
    result(everybody["state"] == "done" and all(name in everybody["text"] for name in chain.ECUS),
           "a job for all ECUs tells what each of them answered", everybody["text"][:200])
    data = ask(browser, job="read-did", ecu="gearbox", identifier="F190")
    result(data["state"] == "done" and "62F190" in data["text"], "a job reads an identifier", data["text"][:120])
    unknown = ask(browser, job="read-did", ecu="gearbox", identifier="4711")
    result(unknown["state"] == "failed" and "NRC 31" in unknown["text"], "an ECU's refusal is told with its code", unknown["text"][:120])


def check_progress(browser, vehicle):
    """A foreign tester has just asked the battery: the gateway keeps off it for 5 s, so that there is a way to be seen."""
    vehicle.cantwin("bus", "send", "unix:can0.sock", "7E2#023E00AAAAAAAAAA")
    read = ask(browser, ecu="battery")
    seen = browser.run("return window.seen[arguments[0]] ?? []", read["id"])
    result(read["state"] == "done" and seen[0] == "bar" and len(seen) >= 3 and seen[-1] == "done",
           "a job's progress is shown until it is done", str(seen))


def check_release(browser, backend, shots):
    plain = ask(browser, job="clear-dtcs", ecu="engine")
    result(plain["state"] == "refused" and "policy-authority" in plain["text"], "without a release nothing is cleared", plain["text"][:120])
    waits = ask(browser, job="clear-dtcs", ecu="engine", offline=True)
    waits = wait_for(lambda: (lambda e: e if e and e["payload"] else None)(browser.run(NEWEST)), 60) or waits  # known to this page alone
    result(waits["state"] == "awaiting-release" and waits.get("file") and waits["payload"], "a job for a release key waits for it",
           waits["text"][:120])
    if shots:
        browser.run("document.querySelector('#commands').scrollIntoView()")
        browser.screenshot(shots / "job-release.png")
    strange = backend.folder / "strange.json"
    strange.write_text('{"hello": 1}')
    give(browser, strange)
    told = wait_for(lambda: browser.run(TOAST), 20) or ""
    result("sign-command" in told, "a file that is no release is refused in words", told)
    words = re.fullmatch(r"cantwin keys sign-command --key release\.ed25519\.key ([0-9A-Fa-f]+) > release\.json", waits["payload"] or "")
    result(bool(words), "the page tells what is to be run where the key is", str(waits["payload"])[:120])
    if not words:
        return
    signed = subprocess.run([BIN / "cantwin", "keys", "sign-command", "--key", "keys/release.ed25519.key", words[1]], cwd=backend.folder,
                            capture_output=True, text=True, timeout=60, check=True)
    (backend.folder / "release.json").write_text(signed.stdout)
    give(browser, backend.folder / "release.json")
    done = ended(browser, waits["id"])
    result(done.get("state") == "done", "the signed file releases it and the vehicle carries it out", str(done)[:200])
    after = ask(browser, ecu="engine")
    result(after["state"] == "done" and "P0171-00 test failed" not in after["text"] and "confirmed" not in after["text"],
           "the trouble code is cleared", after["text"][:200])


def run(browser, backend, vehicle, shots):
    go(browser, backend.base, "#/v/toy")
    if not result(bool(wait_for(lambda: browser.run("return document.querySelector('#job button')?.checkVisibility() ?? false"), 60)),
                  "the vehicle's page has the form of jobs"):
        return
    check_form(browser)
    check_reading(browser)
    check_progress(browser, vehicle)
    if shots:
        browser.run("document.querySelector('#job').scrollIntoView()")
        browser.screenshot(shots / "job.png")
    vehicle.cantwin("bus", "send", "unix:can0.sock", "7E0#06310103000000AA")  # the mixture is mended
    check_release(browser, backend, shots)
    audit(browser, "the page with jobs")
    errors = browser.errors()
    result(not errors, "the browser reports no error", "; ".join(errors)[:300])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=pathlib.Path)
    options = parser.parse_args()
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("skip job page: chromium and chromedriver are not installed")
        return 0
    if not (BIN / "cantwin-fleet").exists():
        print(f"skip job page: no cantwin-fleet in {BIN}")
        return 0
    backend = Backend()
    try:
        with Vehicle() as vehicle:
            backend.start()
            (vehicle.path / "policy.yaml").write_text(chain.POLICY, encoding="ascii")
            (vehicle.path / "gateway.yaml").write_text(chain.gateway_config(backend), encoding="ascii")
            vehicle.cantwin("bus", "send", "unix:can0.sock", "7E0#06310103000001AA")  # the mixture becomes lean
            result(bool(wait_for(lambda: chain.confirmed(vehicle), 60)), "the engine has a trouble code")
            vehicle.start([BIN / "cantwin-gateway", "--config", "gateway.yaml"])
            wait_for(lambda: any(v["connected"] for v in backend.get("api/v1/vehicles").json["vehicles"]), 60)
            browser = Browser(False)
            try:
                run(browser, backend, vehicle, options.shots)
            finally:
                browser.close()
    finally:
        backend.stop()
    return 1 if page_test.failures else 0


if __name__ == "__main__":
    sys.exit(main())
