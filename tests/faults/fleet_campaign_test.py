#!/usr/bin/env python3
"""What happens to a fleet's link: its backend killed or frozen, all vehicles back at once, a key that is allowed later.

cantwin-sim's vehicles send numbered batches and know which were acknowledged; the history checker asks the backend over REST
for every vehicle's numbers: each acknowledged one must be there, none twice, none that was not sent. CANTWIN_LONG runs the
full campaign, which keeps its state in CANTWIN_STATE and goes on where it stopped.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import campaign as campaigns  # noqa: E402
import stack  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402

LONG = bool(os.environ.get("CANTWIN_LONG"))
ENDPOINT = "tcp://127.0.0.1:17601"
PORT = 17601


class Fleet:
    """A backend and N simulated vehicles, and what both say in the end."""

    def __init__(self, run, name, vehicles, *more, endpoint=ENDPOINT):
        self.run, self.name, self.vehicles = run, name, vehicles
        backend = run.processes["fleet"]
        before = said(backend, "read again")
        run.run("cantwin-sim", "--vehicles", str(vehicles), "--keys", "keys", "--name", name, "--enrol")
        wait_for("peers read again", lambda: said(backend, "read again") > before)
        self.sim = run.start(f"sim-{name}", "cantwin-sim", "--vehicles", str(vehicles), "--fleet", endpoint, "--keys", "keys",
                             "--name", name, "--report", f"{name}.report", *more)

    def all_connected(self):
        return sum(v["connected"] for v in get("/api/v1/vehicles")["vehicles"] if self.mine(v)) == self.vehicles

    def mine(self, vehicle):
        return vehicle.get("id", vehicle.get("vehicle_id", "")).startswith(self.name + "-")

    def finish(self):
        """Stops the vehicles when all they made is acknowledged; what they say of themselves."""
        self.sim.stop(90)
        return self.totals()

    def totals(self):
        with open(self.run.path(f"sim-{self.name}.out"), encoding="utf-8") as file:
            return json.loads(file.read().splitlines()[-1])

    def check(self):
        """0 acknowledged lost, 0 counted twice, nothing that was never sent; returns how many batches were checked."""
        wait_for("everything applied", lambda: (s := get("/api/v1/status"))["applied_bytes"] == s["log_bytes"])
        checked = 0
        with open(self.run.path(f"{self.name}.report"), encoding="ascii") as file:
            for line in file:
                vehicle, _, made, acked = line.split()
                held = [int(s[1]) for s in history(vehicle)]
                if len(held) != len(set(held)):
                    raise Failure(f"{vehicle}: {len(held) - len(set(held))} batches counted twice")
                if set(held) - set(range(1, int(made) + 1)):
                    raise Failure(f"{vehicle}: batches that were never sent")
                lost = set(range(1, int(acked) + 1)) - set(held)
                if lost:
                    raise Failure(f"{vehicle}: {len(lost)} acknowledged batches lost: {sorted(lost)[:5]}")
                checked += len(held)
        return checked


def said(process, text):
    return sum(text in line for line in process.lines)


def history(vehicle):
    return get(f"/api/v1/vehicles/{vehicle}/history?signal=Vehicle.Load.Count&from=0&to=9999999999999")["samples"]


# ---------------------------------------------------------------- the cases


def backend_killed(campaign):
    """Case 27: kill -9 of the backend under load."""
    kills, vehicles = (100, 100) if LONG else (3, 20)
    with stack.Stack() as run:
        fleet_process = run.start_fleet()
        fleet = Fleet(run, "kill", vehicles, "--rate", "10", "--signals", "40")
        wait_for("vehicles connected", fleet.all_connected)
        chance = random.Random(campaign.seed)
        for _ in range(kills):
            time.sleep(chance.uniform(0.2, 1.5))  # the instant is the campaign's random input
            fleet_process.kill()
            fleet_process = run.start_fleet()
        began = time.monotonic()
        totals = fleet.finish()
        drained = time.monotonic() - began
        checked = fleet.check()
        if totals["acked"] != totals["batches"]:
            raise Failure(f"{totals['batches'] - totals['acked']} batches never acknowledged")
        campaign.figure(f"{kills} kills, {vehicles} vehicles, {checked} batches checked: 0 lost, 0 twice, drained {drained:.1f} s")
        if drained > 60:
            raise Failure(f"took {drained:.0f} s to drain")


def all_restart_at_once(campaign):
    """Case 30: all vehicles lose and make their connection at the same moment."""
    vehicles = 1000 if LONG else 200
    with stack.Stack() as run:
        run.start_fleet()
        fleet = Fleet(run, "crowd", vehicles, "--rate", "5", "--signals", "20")
        fleet.sim.wait_line(f"all {vehicles} vehicles connected")
        fleet.sim.signal(signal.SIGHUP)
        fleet.sim.wait_line("all vehicles restarted")
        wait_for("all back", lambda: said(fleet.sim, f"all {vehicles} vehicles connected") == 2)
        totals = fleet.finish()
        checked = fleet.check()
        campaign.figure(f"{vehicles} vehicles back after {totals['connect_s']} s, {checked} batches checked: 0 lost, 0 twice")
        if totals["connect_s"] > 30 or totals["acked"] != totals["batches"]:
            raise Failure(f"back after {totals['connect_s']} s, {totals['acked']} of {totals['batches']} acknowledged")


def open_connections():
    """Established TCP connections to the backend's port, seen from this network namespace."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return sum(row[2].endswith(f":{PORT:04X}") and row[3] == "01" for row in rows)


def backend_frozen(campaign):
    """Case 29: SIGSTOP of the backend: the vehicle notices, the buses go on, nothing is lost."""
    with stack.Stack() as run:
        run.start_all()
        fleet = run.processes["fleet"]
        wait_for("values", lambda: get("/api/v1/status")["samples"] > 100)
        fleet.signal(signal.SIGSTOP)
        began = time.monotonic()
        before = frames(run)
        wait_for("connection given up", lambda: open_connections() == 0, 30)
        noticed = time.monotonic() - began
        rate = (frames(run) - before) / (time.monotonic() - began)
        fleet.signal(signal.SIGCONT)
        wait_for("connection back", lambda: open_connections() > 0, 30)
        campaign.figure(f"noticed after {noticed:.1f} s, meanwhile {rate:.0f} frames/s decoded")
        if noticed > 8:  # 2 s heartbeat + 3 s, and what this machine adds
            raise Failure(f"noticed after {noticed:.1f} s")
        if rate < 100:
            raise Failure(f"only {rate:.0f} frames/s while the backend was frozen")


def frames(run):
    return sum(bus.get("frames", bus.get("received", 0)) for bus in run.gateway_status()["buses"])


def json_when_ended(fleet):
    if fleet.sim.process.wait(120) != 0:
        raise Failure(f"cantwin-sim ended with {fleet.sim.process.returncode}: {fleet.sim.lines[-2:]}")
    return fleet.totals()


def key_allowed_later(campaign):
    """Case 34: a vehicle whose key is not known yet comes in by itself once it is."""
    with stack.Stack() as run:
        with open(run.path("keys/peers.txt"), encoding="ascii") as file:
            before = file.read()
        run.start_fleet()
        late = Fleet(run, "late", 1, "--rate", "5")
        late.sim.wait_line("all 1 vehicles connected")
        with open(run.path("keys/peers.txt"), encoding="ascii") as file:
            after = file.read()
        with open(run.path("keys/peers.txt"), "w", encoding="ascii") as file:
            file.write(before)
        wait_for("peers read again", lambda: said(run.processes["fleet"], "read again") == 2)
        late.sim.signal(signal.SIGHUP)  # a new connection, which is refused now
        wait_for("a refusal", lambda: get("/api/v1/status")["handshakes_refused"] > 0)
        with open(run.path("keys/peers.txt"), "w", encoding="ascii") as file:
            file.write(after)
        began = time.monotonic()
        wait_for("connected again", lambda: said(late.sim, "all 1 vehicles connected") == 2, 90)
        waited = time.monotonic() - began
        late.finish()
        campaign.figure(f"back {waited:.1f} s after its key was allowed; {late.check()} batches checked")


def memory_mib(process):
    with open(f"/proc/{process.process.pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1]) / 1024


def cpu_s(process):
    with open(f"/proc/{process.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many_connected(campaign):
    """Case 31: many vehicles connected for long, from four processes (a link may need four descriptors); the memory is the backend's at its most."""
    vehicles, seconds, rate = (2500, 3600, 0.05) if LONG else (125, 5, 1)
    with stack.Stack() as run:
        backend = run.start_fleet()
        fleets = [Fleet(run, name, vehicles, "--rate", str(rate), "--signals", "10") for name in ("many", "more", "most", "rest")]
        for fleet in fleets:
            fleet.sim.wait_line(f"all {vehicles} vehicles connected", 300)
        most, cpu, until = 0, cpu_s(backend), time.monotonic() + seconds
        while time.monotonic() < until:  # the length is the input
            time.sleep(1)
            most = max(most, memory_mib(backend))
        cpu = (cpu_s(backend) - cpu) / seconds
        totals = [fleet.finish() for fleet in fleets]
        checked = sum(fleet.check() for fleet in fleets)
        campaign.figure(f"{len(fleets) * vehicles} vehicles connected for {seconds} s, {checked} batches checked: 0 lost, 0 twice; backend {most:.0f} MiB "
                        f"at most (600 are wanted of 10,000), {100 * cpu:.1f} % of a core; ack p50 {max(t['ack_ms_p50'] for t in totals)} ms, p99 "
                        f"{max(t['ack_ms_p99'] for t in totals)} ms in the slower process")
        if any(t["acked"] != t["batches"] or t["connected"] != vehicles for t in totals):
            raise Failure(f"not all connected or acknowledged: {totals}")


CASES = [backend_killed, all_restart_at_once, backend_frozen, key_allowed_later, many_connected]

if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    campaigns.run("fleet", LONG, CASES)
