#!/usr/bin/env python3
"""Headless Chromium on the page of rollouts: progress, why one halted, resume, and a vehicle's set and history. Root and release are
made and signed by `cantwin update`; the vehicle's failure is written into the stopped backend's store."""
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys

from page_test import Browser, result
import page_test
from fleet_rig import BIN, Backend, wait_for  # page_test knows where it is

SET = """set: brakes
counter: 3
issued: 2026-01-01
expires: 2099-01-01
max_apply_s: 60
targets:
  - { ecu: engine, session: 3 }
parameters:
  - { name: idle, ecu: engine, did: 0x0160, type: uint16, value: "800", min: 600, max: 1200 }
"""


def tool(folder, *arguments):
    done = subprocess.run([BIN / "cantwin", "update", *arguments], cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise SystemExit(f"cantwin update {arguments[0]}: {done.stderr}")
    return done.stdout


def start_rollout(backend):
    folder = backend.folder
    for name in ("root", "release"):
        tool(folder, "keygen", "--dir", ".", "--name", name)
    director = next(pathlib.Path(folder).rglob("*director*.pub"))
    tool(folder, "root", "--out", "root.ctup", "--version", "1", "--expires", "2099-01-01", "--thresholds", "1,1", "--root",
         "root.ed25519.pub", "--release", "release.ed25519.pub", "--director", str(director))
    tool(folder, "sign", "--key", "root.ed25519.key", "root.ctup")
    (folder / "set.yaml").write_text(SET)
    tool(folder, "create", "--out", "set.ctup", "set.yaml")
    tool(folder, "sign", "--key", "release.ed25519.key", "set.ctup")
    url = backend.base.rstrip("/")
    refused = subprocess.run([BIN / "cantwin", "update", "push", "--url", url, "set.ctup"], cwd=folder, capture_output=True, text=True,
                             timeout=30, check=False)
    result(refused.returncode == 1 and "no root" in refused.stderr, "a release before its root is refused", refused.stderr)
    tool(folder, "push", "--url", url, "root.ctup")
    tool(folder, "push", "--url", url, "set.ctup")
    said = tool(folder, "push", "--url", url, "--start", "yes", "--success-percent", "95", "set.ctup")
    result(json.loads(said)["state"] == "running", "a rollout starts", said[:300])
    wait_for(lambda: backend.get("api/v1/updates/rollouts/1").json["vehicles"]["open"] == 1)


def fail_it(backend):
    for process in list(backend.processes):
        backend.end(process)
    with sqlite3.connect(backend.folder / "state/fleet.db") as store:
        store.execute("UPDATE rollouts SET state = 3, wave_count = 1, wave_bad = 1")
        store.execute("UPDATE rollout_vehicles SET state = 3")
        store.execute("UPDATE updates SET state = 5, verdict = 49, text = 'engine did 0160'")
    store.close()
    backend.start()
    backend.vehicle()


ITEM = "return document.querySelector('#rollouts li')?.textContent ?? ''"
STATE = "return document.querySelector('#rollouts li')?.dataset.state"
CLICK = "[...document.querySelectorAll('#rollouts button')].find((b) => b.textContent === arguments[0]).click()"


def check_page(browser, backend):
    browser.open(backend.base + "#/updates")
    text = wait_for(lambda: browser.run(ITEM))
    result("halted" in text and "1 failed" in text, "the page shows that the rollout halted", text)
    result("1 of 1 vehicles of wave 0 failed; 95 % of a wave must succeed" in text and "readback-mismatch" in text, "and why", text)
    browser.run(CLICK, "Vehicles")
    shown = wait_for(lambda: "engine did 0160" in browser.run(ITEM))
    result(bool(shown), "each vehicle has its reason")
    browser.run("document.querySelector('#rollouts input[type=checkbox]').checked = true")
    browser.run(CLICK, "Resume")
    result(bool(wait_for(lambda: browser.run(STATE) == "running")), "it is resumed by a click")
    result(bool(wait_for(lambda: backend.get("api/v1/updates/rollouts/1").json["vehicles"]["open"] == 1)), "the failed one is offered it again")
    browser.open("about:blank")
    browser.open(backend.base + "#/v/toy")
    wait_for(lambda: browser.run("return document.getElementById('title').textContent") == "toy")
    browser.run("document.getElementById('set').open = true")
    history = wait_for(lambda: (t := browser.run("return document.getElementById('set-of').textContent")) and "brakes 3" in t and t)
    url = backend.base.rstrip("/")
    lines = tool(backend.folder, "audit", "--url", url, "--vehicle", "toy").splitlines()
    result(len(lines) >= 3 and lines[0].startswith("update_id,vehicle,set_id") and any('"readback-mismatch"' in line for line in lines),
           "the record has a line for each update", lines[0])
    result(json.loads(tool(backend.folder, "status", "--url", url))["rollouts"][0]["id"] == 1, "and status tells of the rollout")
    result("rolled-back" in history and "offered" in history, "a vehicle's page shows its updates", history)


def main():
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("skip updates page: chromium and chromedriver are not installed")
        return 0
    backend = Backend().start()
    try:
        backend.vehicle()
        wait_for(lambda: backend.get("api/v1/vehicles").json["vehicles"])
        start_rollout(backend)
        fail_it(backend)
        browser = Browser(False)
        try:
            check_page(browser, backend)
        finally:
            browser.close()
    finally:
        backend.stop()
    return 1 if page_test.failures else 0


if __name__ == "__main__":
    sys.exit(main())
