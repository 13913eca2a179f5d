#!/usr/bin/env python3
"""Headless Chromium on the backend's page: numbers move, search, plot, a switch and a diagnostic request work.

usage: page_test.py [BASE_URL] [--screenshot FILE] [--dark]
With a base URL the page of a running backend is tested (its first vehicle must be sending); without one a backend and
a test vehicle of the build in CANTWIN_BIN are started. Prints `ok`, `not ok` and `skip` lines.
"""
import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from fleet_rig import BEAM, Backend, free_port, wait_for  # noqa: E402

failures = 0


def result(good, name, detail=""):
    global failures
    failures += not good
    print(("ok " if good else "not ok ") + name + (f" ({detail})" if detail else ""), flush=True)
    return good


class Browser:
    """As much of WebDriver (W3C) as is needed here."""

    def __init__(self, dark):
        self.profile = tempfile.mkdtemp(prefix="cantwin-chromium-")
        port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.root = f"http://127.0.0.1:{port}"
        self.session = ""
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-sync",
                   "--disable-dev-shm-usage", "--window-size=1440,900", f"--user-data-dir={self.profile}"]
        if dark:
            options += ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]
        if not wait_for(lambda: self.call("GET", "/status")["ready"]):
            raise RuntimeError("chromedriver does not start")
        wanted = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                  "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": options}}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = "/session/" + answer["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, address):
        self.call("POST", self.session + "/url", {"url": address})

    def run(self, script, *arguments):
        return self.call("POST", self.session + "/execute/sync", {"script": script, "args": list(arguments)})

    def keys(self, *actions):
        steps = [step for key in actions for step in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self.call("POST", self.session + "/actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]})

    def errors(self):
        entries = self.call("POST", self.session + "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.call("GET", self.session + "/screenshot")))

    def close(self):
        if self.session:
            self.call("DELETE", self.session)
        self.driver.terminate()
        self.driver.wait(60)
        shutil.rmtree(self.profile, ignore_errors=True)


ROWS = "return document.querySelectorAll('#signals tr[data-name]:not([hidden])').length"
VALUES = "return Object.fromEntries([...document.querySelectorAll('#signals tr[data-name]')].map(r => [r.dataset.name, r.cells[1].textContent]))"
COMMANDS = "return [...document.querySelectorAll('#commands li')].map(l => [l.dataset.state, l.textContent])"
AGES = "return [...document.querySelectorAll('#signals td.age')].filter(c => / s$/.test(c.textContent)).length"
# What a canvas shows: pixels of the line's colour (numbers), and opaque ones where the states are (texts).
INK = """const inked = (c) => {
  const g = c.getContext('2d');
  g.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim();
  const wanted = g.fillStyle.match(/[0-9a-f]{2}/g).map((h) => parseInt(h, 16));
  if (c.width === 0 || c.clientHeight === 0) return { line: 0, states: 0 };
  const d = g.getImageData(0, 0, c.width, c.height).data;
  const middle = c.height * 4 * c.width / 2;
  let line = 0, states = 0;
  for (let i = 0; i < d.length; i += 4) {
    line += d[i + 3] > 90 && wanted.every((v, k) => Math.abs(v - d[i + k]) < 8);
    states += d[i + 3] === 255 && Math.abs(i - middle) < 20 * 4 * c.width;
  }
  return { line, states };
};
"""
PLOTTED = INK + """return document.getElementById('plot-title').title === arguments[0] ?
  inked(document.getElementById('plot')) : { line: 0, states: 0 };"""
ALONE = INK + """return import(new URL('plot.js', location)).then(({ Plot }) => {
  const canvas = document.createElement('canvas');
  canvas.style.cssText = 'position: fixed; top: 0; left: 0; width: 600px; height: 190px';
  document.body.append(canvas);
  const plot = new Plot(canvas);
  plot.set({ samples: [[arguments[0] * 1000, arguments[1]]], gaps: [], unit: '' });
  plot.draw(arguments[0] + arguments[2]);
  const ink = inked(canvas);
  canvas.remove();
  return ink;
});"""
CHOOSE = "[...document.querySelectorAll('#signals tr[data-name]')].find((r) => r.dataset.name === arguments[0]).click()"
NAMED = "return arguments[0].filter((n) => [...document.querySelectorAll('#signals tr[data-name]')].some((r) => r.dataset.name === n))"


def moving(browser):
    before = browser.run(VALUES)
    moved = wait_for(lambda: [n for n, v in browser.run(VALUES).items() if n in before and v != before[n]])
    return moved or []


def check_page(browser, base):
    browser.open(base)
    rows = wait_for(lambda: browser.run(ROWS)) or 0
    result(rows > 0, "page shows the vehicle's signals", f"{rows} rows")
    vehicles = browser.run("return document.querySelectorAll('#vehicles tr.connected').length")
    result(vehicles > 0, "page shows a connected vehicle")
    moved = moving(browser)
    result(len(moved) > 0, "numbers move without a reload", f"{len(moved)} changed at once")
    ages = wait_for(lambda: browser.run(AGES))
    result(bool(ages), "ages are shown")


def signals_by_value(base):
    """Names of the first vehicle's signals whose value is a number, and of those whose value is a text."""
    with urllib.request.urlopen(base.rstrip("/") + "/api/v1/vehicles", timeout=60) as answer:
        vehicles = json.load(answer)["vehicles"]
    vehicle = next((v for v in vehicles if v["connected"]), vehicles[0])["id"]
    with urllib.request.urlopen(f"{base.rstrip('/')}/api/v1/vehicles/{vehicle}/twin", timeout=60) as answer:
        signals = [s for s in json.load(answer)["signals"] if "never-seen" not in s["quality"]]
    numbers = [s["name"] for s in signals if isinstance(s["value"], (int, float)) and not isinstance(s["value"], bool)]
    texts = [s["name"] for s in signals if isinstance(s["value"], str) and any(c.isalpha() for c in s["value"])]
    return numbers, texts


def check_plot(browser, base):
    for kind, ink, least, at in (("number", "line", 100, 0), ("text", "states", 500, 1)):
        shown = wait_for(lambda: browser.run(NAMED, signals_by_value(base)[at]))
        if not result(bool(shown), f"the vehicle sends a {kind}"):
            continue
        browser.run(CHOOSE, shown[0])
        drawn = wait_for(lambda: browser.run(PLOTTED, shown[0])[ink] > least)
        result(bool(drawn), f"a click on a signal draws its history: a {kind}", shown[0])
    note = browser.run("const n = document.getElementById('plot-note'); return n.hidden ? '' : n.textContent")
    result(any(c.isalpha() for c in note), "the texts of the timeline stand beside it", note[:60])
    now = int(time.time() * 1000)
    for kind, ink, value in (("number", "line", 4711), ("text", "states", "OPEN")):
        for age_ms in (0, 5000, 3600000):
            drawn = browser.run(ALONE, now, value, age_ms)
            result(drawn[ink] > (100 if age_ms else 10), f"a single {kind} is drawn, {age_ms} ms old", str(drawn))


def check_keyboard(browser):
    everything = browser.run(ROWS)
    browser.run("document.activeElement.blur()")
    browser.keys("/", *"beam")
    shown = wait_for(lambda: 0 < browser.run(ROWS) < everything)
    result(bool(shown), "the keyboard reaches the search, which narrows the table")
    browser.keys("\ue00c")  # Escape
    result(bool(wait_for(lambda: browser.run(ROWS) == everything)), "Escape shows all signals again")
    browser.keys("\ue015", "\ue015")  # arrow down
    chosen = browser.run("return document.querySelectorAll('#signals tr[aria-selected=true]').length")
    result(chosen == 1, "arrow keys choose a signal")


def check_commands(browser):
    switch = f"document.querySelector('[role=switch][aria-label=\"{BEAM}\"]')"
    before = browser.run(f"return {switch}?.getAttribute('aria-checked') ?? null")
    if before is None:
        print(f"skip switch: the vehicle has no actuator {BEAM}")
    else:
        browser.run(f"{switch}.click()")
        turned = wait_for(lambda: browser.run(f"return {switch}.getAttribute('aria-checked')") != before)
        result(bool(turned), "the switch turns when the vehicle reports its new state")
        done = wait_for(lambda: any(state == "done" and "IsOn" in text for state, text in browser.run(COMMANDS)))
        result(bool(done), "the command is shown until it is done")
    browser.run("document.querySelector('#diagnose button').click()")
    answered = wait_for(lambda: [text for state, text in browser.run(COMMANDS) if "22F190" in text and state == "done"])
    result(bool(answered) and "62 F1 90" in answered[0], "a diagnostic request shows its response")


def check_reconnect(browser, base):
    """A second page of the same vehicle lives beside the first, and closing it leaves the first alive."""
    browser.open(base)
    wait_for(lambda: browser.run(ROWS))
    result(len(moving(browser)) > 0, "numbers move again after a reload")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", nargs="?")
    parser.add_argument("--screenshot")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("skip page: chromium and chromedriver are not installed")
        return 0
    bins = pathlib.Path(os.environ.get("CANTWIN_BIN", pathlib.Path(__file__).parents[2] / "build/test/bin"))
    if options.base is None and not (bins / "cantwin-fleet").exists():
        print(f"skip page: no cantwin-fleet in {bins}")
        return 0
    backend = None
    if options.base is None:
        backend = Backend().start()
        backend.vehicle()
    browser = Browser(options.dark)
    try:
        base = options.base or backend.base
        check_page(browser, base)
        check_plot(browser, base)
        check_keyboard(browser)
        check_commands(browser)
        if options.screenshot:
            browser.screenshot(options.screenshot)
        check_reconnect(browser, base)
        errors = browser.errors()
        result(not errors, "the browser reports no error", "; ".join(errors)[:300])
    finally:
        browser.close()
        if backend is not None:
            result(backend.stop() == 0, "the backend ends cleanly with SIGTERM")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
