#!/usr/bin/env python3
"""Headless Chromium on the pages around the signals: fleet table, questions, alerts, tree, zoom, track, token, phone, dark mode;
axe-core (from npm, see vcan-scripts/install.sh) on each; and how many bytes a first visit costs.

usage: pages_test.py [--shots FOLDER]"""
import argparse
import os
import pathlib
import shutil
import sys

from page_test import ROWS, Browser, result
import page_test
from fleet_rig import BEAM, BIN, Backend, wait_for  # page_test knows where it is

BYTES_MAX = 100 * 1024
FLEET_BYTES_MAX = 85 * 1024
FETCHED = """const own = new URL('.', location).href;
return ['', ...performance.getEntriesByType('resource').map((e) => e.name).filter((name) => name.startsWith(own) && !name.includes('/api/'))
  .map((name) => name.slice(own.length))];"""
AXE = pathlib.Path(os.environ.get("CANTWIN_NODE", pathlib.Path(os.environ.get(
    "XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "cantwin/node")) / "node_modules/axe-core/axe.min.js"
AUDIT = """const done = arguments[arguments.length - 1];
axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }).then((r) => done(
  r.violations.map((v) => `${v.id}: ${v.nodes[0].target} ${v.nodes[0].failureSummary.split('\\n')[1]}`)), (e) => done([String(e)]));"""
TABLE = "return [...document.querySelectorAll('#vehicles tr')].map((r) => r.dataset.id)"
TYPE = """const input = document.getElementById(arguments[0]);
input.value = arguments[1];
input.dispatchEvent(new Event('input'));"""
TRACK = """return import(new URL('map.js', location)).then(({ track, TrackMap }) => {
  const canvas = document.createElement('canvas');
  canvas.style.cssText = 'position: fixed; top: 0; left: 0; width: 300px; height: 200px';
  document.body.append(canvas);
  const points = track([[0, 48, 0], [1e6, 48.001, 0], [2e6, null, 0], [3e6, 48.002, 0]], [[0, 11, 0], [1e6, 11.001, 0], [3e6, 11.003, 0]]);
  const map = new TrackMap(canvas, document.createElement('p'));
  map.set(points);
  const inked = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter((v, i) => i % 4 === 3 && v > 200).length;
  canvas.remove();
  return { points, inked };
});"""


def audit(browser, where):
    if not AXE.exists():
        print(f"skip axe on {where}: no axe-core in {AXE.parent}; vcan-scripts/install.sh test fetches it where npm is")
        return
    browser.run(AXE.read_text() + "\nreturn true;")
    found = browser.call("POST", browser.session + "/execute/async", {"script": AUDIT, "args": []})
    result(not found, f"axe finds nothing on {where}", "; ".join(found)[:600])


def check_axe(browser, backend):
    """A fault that is planted must be found, else the audits say nothing."""
    if AXE.exists():
        go(browser, backend.base, "#/")
        browser.run("document.getElementById('content').append(Object.assign(new Image(), { src: 'icon.svg' }))")
        browser.run(AXE.read_text() + "\nreturn true;")
        found = browser.call("POST", browser.session + "/execute/async", {"script": AUDIT, "args": []})
        result(any(f.startswith("image-alt") for f in found), "axe finds a picture without a text")


def go(browser, base, fragment):
    browser.open("about:blank")
    browser.open(base + fragment)


def check_weight(browser, backend):
    """What the browser fetches of us, by its own count, not by a list of files."""
    text = backend.get("").body.decode()
    for what, fragment, most in (("the fleet's page", "#/", FLEET_BYTES_MAX), ("a vehicle's page", "#/v/toy", BYTES_MAX)):
        go(browser, backend.base, fragment)
        wait_for(lambda shown=TABLE if fragment == "#/" else ROWS: browser.run(shown))
        names = set(browser.run(FETCHED))
        size = sum(len(backend.get(name).body) for name in names)
        result(names >= {"", "style.css", "app.js"} and size < most, f"the first visit to {what} costs less than {most // 1024} kB",
               f"{size} bytes in {len(names)} files")
        result(("vehicle.js" in names) == (fragment != "#/"), f"the vehicle's modules are fetched when one is looked at: {what}")
    result("http" not in text.replace("http-equiv", ""), "nothing is fetched from elsewhere")


def check_fleet(browser, backend):
    backend.call("PUT", "api/v1/vehicles/toy/labels", {"group": "north", "tags": ["taxi"]})
    go(browser, backend.base, "#/")
    result(wait_for(lambda: browser.run(TABLE)) == ["toy"], "the fleet's table shows the vehicle")
    found = []
    for words in ("nort", "taxi", "nothing", ""):
        browser.run(TYPE, "fleet-search", words)
        found.append(len(browser.run(TABLE)))
    result(found == [1, 1, 0, 1], "its search looks at labels too", str(found))
    browser.run("document.querySelector('[data-state=offline]').click()")
    result(browser.run(TABLE) == [], "and it is narrowed by state")
    browser.run("document.querySelector('[data-state=all]').click()")
    for where, count in (("Vehicle.Speed > 1000", 0), ("Vehicle.Speed > 0", 1)):
        browser.run(TYPE, "where", where)
        browser.run("document.getElementById('ask').requestSubmit()")
        result(wait_for(lambda: len(browser.run(TABLE)) == count), f"a question to the fleet: {where}")
    shown = wait_for(lambda: "km/h" in browser.run("return document.querySelector('#vehicles td.value').textContent"))
    result(bool(shown), "the answer's value is shown")
    browser.run("document.getElementById('ask-clear').click()")


def check_alerts(browser, backend):
    backend.call("PUT", "api/v1/rules/fast", {"condition": "Vehicle.Speed > 0", "severity": "critical"})
    button = "document.querySelector('#alerts button')"
    result(bool(wait_for(lambda: browser.run(f"return {button} !== null"))), "an alert appears")
    browser.run(f"{button}.click()")
    seen = wait_for(lambda: "seen by" in browser.run("return document.getElementById('alerts').textContent"))
    result(bool(seen), "and is acknowledged by a click")


FILL = """const form = document.getElementById(arguments[0]);
form.closest('details').open = true;
for (const [name, value] of Object.entries(arguments[1])) form.elements[name].value = value;
if (form.reportValidity()) form.requestSubmit();"""
RULES = "return [...document.querySelectorAll('#rules li')].map((r) => [r.dataset.rule, r.querySelector('small').textContent])"


def rules_of(backend):
    return {r["name"]: r for r in backend.get("api/v1/rules").json["rules"]}


def check_rules(browser, backend):
    """Rules are made, changed, refused and removed on the page; an alert comes by the stream, long before the list is asked again."""
    go(browser, backend.base, "#/")
    wait_for(lambda: browser.run(RULES))
    browser.run(FILL, "rule", {"name": "slow rule", "condition": "Vehicle.Speed > 1", "seconds": "0", "tag": "", "severity": "info"})
    result("slow rule" not in rules_of(backend), "a name that cannot be is not sent")
    browser.run(FILL, "rule", {"name": "slow", "condition": "Vehicle.Speed >", "seconds": "0", "tag": "", "severity": "info"})
    told = wait_for(lambda: "condition" in browser.run("return document.getElementById('toast').textContent"))
    kept = browser.run("return document.querySelector('#rule [name=condition]').value")
    result(bool(told) and kept == "Vehicle.Speed >" and "slow" not in rules_of(backend), "a broken condition is told and stays to be mended")
    told = browser.errors()  # a refusal is an error to the browser
    result(len(told) == 1 and "rules/slow" in told[0] and "400" in told[0], "the browser tells of the refusal alone", str(told))
    browser.run(FILL, "rule", {"name": "slow", "condition": "Vehicle.Speed > 100000", "seconds": "2.5", "tag": "taxi", "severity": "critical"})
    result(bool(wait_for(lambda: ["slow", "Vehicle.Speed > 100000 · for 2.5 s · tag taxi"] in browser.run(RULES))), "a rule is made on the page")
    result(rules_of(backend).get("slow") == {"name": "slow", "condition": "Vehicle.Speed > 100000", "for_ms": 2500, "tag": "taxi",
                                             "severity": "critical"}, "and is the backend's", str(rules_of(backend)))
    browser.run("document.querySelector('#rules li[data-rule=slow] button').click()")
    shown = browser.run("return [...new FormData(document.getElementById('rule'))]")
    result(dict(shown) == {"name": "slow", "condition": "Vehicle.Speed > 100000", "seconds": "2.5", "tag": "taxi", "severity": "critical"},
           "it is taken up to be changed", str(shown))
    browser.run(FILL, "rule", {"seconds": "0", "severity": "info"})
    result(bool(wait_for(lambda: rules_of(backend)["slow"]["for_ms"] == 0)), "and changed")
    browser.run("window.confirm = () => false; document.querySelector('#rules li[data-rule=slow] button:last-child').click()")
    browser.run("window.confirm = () => true")
    result("slow" in rules_of(backend), "it stays when people think again")
    browser.run("document.querySelector('#rules li[data-rule=slow] button:last-child').click()")
    result(bool(wait_for(lambda: [r[0] for r in browser.run(RULES)] == ["fast"])) and "slow" not in rules_of(backend), "and goes when they do not")


# What the page does by itself every two seconds is stopped: only the stream can bring the alert.
STILL = "const last = setInterval(() => {}, 1e9); for (let i = 1; i <= last; i++) clearInterval(i);"


def check_alert_stream(browser, backend):
    for name, fragment, where in (("fleet", "#/", "#alerts"), ("vehicle", "#/v/toy", "#vehicle-alerts")):
        go(browser, backend.base, fragment)
        wait_for(lambda: browser.run(TABLE) or browser.run(ROWS))
        wait_for(lambda: backend.get("api/v1/status").json["sse_clients"] == 1)
        browser.run(STILL)
        backend.call("PUT", f"api/v1/rules/now-{name}", {"condition": "Vehicle.Speed > 0", "severity": "info"})
        come = wait_for(lambda: f"now-{name}" in browser.run(f"return document.querySelector('{where}').textContent"))
        result(bool(come), f"an alert comes by the stream to the {name} page")
        backend.call("DELETE", f"api/v1/rules/now-{name}")
        gone = wait_for(lambda: f"now-{name}" not in browser.run(
            f"return [...document.querySelectorAll('{where} li:not(.over)')].map((a) => a.textContent).join()"))
        result(bool(gone), f"and its end, {name}")


def check_labels(browser, backend):
    go(browser, backend.base, "#/v/toy")
    field = "return document.querySelector('#labels [name=%s]').value"
    result(bool(wait_for(lambda: browser.run(field % "group") == "north" and browser.run(field % "tags") == "taxi")), "labels stand in their form")
    browser.run(FILL, "labels", {"group": "south", "model": "toy-1", "tags": "taxi, new  red"})
    labels = wait_for(lambda: (v := backend.get("api/v1/vehicles").json["vehicles"][0])["group"] == "south" and v)
    result(bool(labels) and (labels["model"], labels["tags"]) == ("toy-1", ["taxi", "new", "red"]), "and are changed there", str(labels))
    result(bool(wait_for(lambda: "south" in browser.run("return document.getElementById('facts').textContent"))), "the page shows them")
    browser.run("document.querySelector('#labels').closest('details').open = true;"
                "document.querySelector('#labels [name=group]').value = 'being typed'")
    browser.run("window.seen = performance.now()")
    again = "return performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/vehicles') && e.startTime > window.seen).length"
    wait_for(lambda: browser.run(again) > 1)
    result(browser.run(field % "group") == "being typed", "what is being typed is left alone")


def check_tree(browser):
    everything = wait_for(lambda: browser.run(ROWS))
    branch = "document.querySelector('#signals tr.branch')"
    browser.run(f"{branch}.click()")
    closed = browser.run(ROWS)
    state = browser.run(f"return {branch}.getAttribute('aria-expanded')")
    browser.run(f"{branch}.focus()")
    browser.keys("\ue014")  # arrow right
    result(0 < closed < everything and state == "false" and browser.run(ROWS) == everything,
           "a branch of the tree closes by a click and opens by a key", f"{everything} rows, {closed} with one closed")


def check_zoom(browser):
    wait_for(lambda: browser.run("return !document.getElementById('csv').hidden"))
    label = "return document.getElementById('plot').getAttribute('aria-label')"
    before = browser.run(label)
    browser.run("document.getElementById('plot').focus()")
    browser.keys("+", "+")
    zoomed = wait_for(lambda: browser.run(label) != before and not browser.run("return document.getElementById('live').hidden"))
    result(bool(zoomed), "the plot zooms by keys")
    browser.run("document.getElementById('live').click()")
    result(bool(wait_for(lambda: browser.run("return document.getElementById('live').hidden"))), "and goes back to now")
    browser.run("document.querySelector('#ranges [data-minutes=\"1440\"]').click()")
    asked = "return performance.getEntriesByType('resource').some((e) => /history\\?.*points=/.test(e.name))"
    result(bool(wait_for(lambda: browser.run(asked))), "a day is asked for as bins")


def check_track(browser):
    drawn = browser.run(TRACK)
    result([p[1:] for p in drawn["points"]] == [[48, 11], [48.001, 11.001], [48.002, 11.003]] and drawn["inked"] > 500,
           "positions become a track", str(drawn)[:200])


def check_phone(browser, backend, shots):
    browser.call("POST", browser.session + "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
        "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}})
    for name, fragment in (("fleet", "#/"), ("updates", "#/updates"), ("vehicle", "#/v/toy")):
        go(browser, backend.base, fragment)
        wait_for(lambda: browser.run(TABLE))
        browser.run("for (const d of document.querySelectorAll('details.edit')) d.open = true")
        wide = browser.run("return document.documentElement.scrollWidth - innerWidth")
        result(wide <= 0, f"the {name} page fits a phone", f"{wide} px too wide")
        audit(browser, f"the {name} page on a phone")
        if shots:
            browser.screenshot(f"{shots}/{name}-phone.png")
    browser.call("POST", browser.session + "/goog/cdp/execute", {"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}})


def check_mode(dark, backend, shots):
    browser = Browser(dark)
    mode = "dark" if dark else "light"
    try:
        if not dark:
            check_weight(browser, backend)
            check_fleet(browser, backend)
            check_alerts(browser, backend)
            check_rules(browser, backend)
            check_alert_stream(browser, backend)
            check_labels(browser, backend)
        for name, fragment in (("fleet", "#/"), ("updates", "#/updates"), ("vehicle", "#/v/toy")):
            go(browser, backend.base, fragment)
            wait_for(lambda: browser.run(TABLE) and (name != "vehicle" or browser.run(ROWS)))
            browser.run("for (const d of document.querySelectorAll('details.edit')) d.open = true")
            audit(browser, f"the {name} page, {mode}")
            if shots:
                browser.screenshot(f"{shots}/{name}-{mode}.png")
        if not dark:
            check_tree(browser)
            check_zoom(browser)
            check_track(browser)
            check_phone(browser, backend, shots)
            check_axe(browser, backend)
        errors = browser.errors()
        result(not errors, f"the browser reports no error, {mode}", "; ".join(errors)[:300])
    finally:
        browser.close()


def check_token():
    """With tokens the page asks for one, and goes on with it: calls and the stream of changes."""
    backend = Backend({"tokens": "tokens.txt"})
    browser = Browser(False)
    try:
        token = backend.tool("--new-token", "tokens.txt", "vera", "viewer").stdout.strip()
        backend.start()
        backend.vehicle()
        go(browser, backend.base, "#/v/toy")
        asked = wait_for(lambda: browser.run("return document.getElementById('login').open"))
        result(bool(asked) and not browser.run(ROWS), "the page asks for a token and shows nothing without")
        browser.run("document.getElementById('token').value = arguments[0];"
                    "document.querySelector('#login-form button').click()", token)
        result(bool(wait_for(lambda: browser.run(ROWS))), "with it the vehicle is shown")
        result(len(page_test.moving(browser)) > 0, "and its numbers move")
        result(browser.run("return document.getElementById('who').textContent") == "vera (viewer)", "it says who looks")
        hidden = "return getComputedStyle(document.getElementById('labels').closest('details')).display"
        result(browser.run(hidden) == "none", "who may only look is offered no form")
    finally:
        browser.close()
        backend.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots")
    options = parser.parse_args()
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("skip pages: chromium and chromedriver are not installed")
        return 0
    if not (BIN / "cantwin-fleet").exists():
        print(f"skip pages: no cantwin-fleet in {BIN}")
        return 0
    backend = Backend().start()
    try:
        backend.vehicle()
        for dark in (False, True):
            check_mode(dark, backend, options.shots)
    finally:
        backend.stop()
    check_token()
    return 1 if page_test.failures else 0


if __name__ == "__main__":
    sys.exit(main())
