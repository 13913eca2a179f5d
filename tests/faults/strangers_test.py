#!/usr/bin/env python3
"""What strangers and odd guests do to the backend: raw TCP peers, keys that may not, a key used twice, a subscriber that never
reads, more connections than descriptors. The vehicles beside them lose nothing (fleet_campaign_test.py's history checker).
"""
import os
import random
import resource
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import campaign as campaigns  # noqa: E402
import stack  # noqa: E402
import zmq  # noqa: E402
from fleet_campaign_test import ENDPOINT, LONG, PORT, Fleet, json_when_ended, said  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402


GROUP_MS = 10  # the backend syncs what came within this time together: no ack is expected sooner


def idle_and_garbage_peers(campaign):
    """Case 32: raw TCP connections that say nothing, and some that say anything. Beside them an ack takes at most twice as long as
    alone. A busy machine makes single figures worse in either row, so alone and beside take turns, and one good pair shows it; what the
    strangers cost would be in every one. The backend's handshake timeout closes them all."""
    count = 500 if LONG else 100
    chance = random.Random(campaign.seed)
    with stack.Stack() as run:
        run.start_fleet()
        checked, ratios = 0, []
        for turn in range(6):
            quiet, quiet_p99 = acks_of(run, f"quiet{turn}")
            peers = connect_strangers(chance, count)
            loud, loud_p99 = acks_of(run, f"loud{turn}")
            silent = sum(not is_closed(peer) for peer in peers)
            if silent < count:
                raise Failure(f"only {silent} of {count} idle peers were there to the end")
            began = time.monotonic()
            wait_for("strangers closed", lambda: all(is_closed(peer) for peer in peers), 60)
            closed_s = time.monotonic() - began
            for peer in peers:
                peer.close()
            checked += quiet.check() + loud.check()
            ratios.append(loud_p99 / max(quiet_p99, GROUP_MS))
            if ratios[-1] <= 2:
                break
        campaign.figure(f"{count} idle and {count} garbage peers, all closed by the backend ({closed_s:.0f} s later): ack p99 {quiet_p99} ms "
                        f"alone, {loud_p99} ms beside them; {checked} batches checked")
        if min(ratios) > 2:
            raise Failure(f"ack p99 beside strangers, times that alone: {', '.join(f'{r:.1f}' for r in ratios)}")


def acks_of(run, name):
    fleet = Fleet(run, name, 10, "--rate", "5", "--batches", "40")
    return fleet, json_when_ended(fleet)["ack_ms_p99"]


def connect_strangers(chance, count):
    """Twice `count` connections, every second one with something to say."""
    peers = []
    for i in range(2 * count):
        peer = socket.create_connection(("127.0.0.1", PORT))
        peer.setblocking(False)
        if i % 2:
            try:
                peer.send(chance.randbytes(chance.randrange(1, 300)))
            except OSError:
                pass
        peers.append(peer)
    return peers


def is_closed(peer):
    try:
        while peer.recv(4096):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def strangers_refused(campaign):
    """Cases 33 and 35: no key, a password, an unknown key, a revoked one, the wrong server key; a name that is another's."""
    with stack.Stack() as run:
        run.start_fleet()
        run.run("cantwin", "keys", "init", "--dir", "keys", "--vehicle", "thief")
        run.run("cantwin", "keys", "init", "--dir", "keys", "--vehicle", "gone")
        run.run("cantwin", "keys", "revoke", "--dir", "keys", "--vehicle", "gone")
        run.run("cantwin", "keys", "pair", "--dir", "keys", "--name", "unknown")
        context = zmq.Context()
        sockets = [stranger(context, run, *row) for row in (
            ("null", None, None), ("plain", None, None), ("curve", "unknown.curve", "fleet.curve.pub"),
            ("curve", "vehicle-gone.curve", "fleet.curve.pub"), ("curve", "vehicle-demo.curve", "unknown.curve.pub"),
            ("curve", "subscriber.curve", "fleet.curve.pub"))]
        wait_for("peers read again", lambda: said(run.processes["fleet"], "read again"))
        # the thief's own key, another vehicle's name as its routing id, and HELLO after HELLO
        thief = stranger(context, run, "curve", "vehicle-thief.curve", "fleet.curve.pub", identity=b"demo")
        for s in [*sockets, thief]:
            for _ in range(20):
                try:
                    s.send(hello(), zmq.DONTWAIT)
                except zmq.Again:
                    pass
        wait_for("the thief's own name", lambda: "thief" in names())
        run.start_hub()
        run.start_gateway()
        wait_for("demo's own twin", lambda: "demo" in names())
        status = get("/api/v1/status")
        for s in [*sockets, thief]:
            s.close(0)
        campaign.figure(f"6 kinds of strangers: vehicles known afterwards {sorted(names())}, {status['handshakes_refused']} "
                        f"handshakes refused")
        if names() != {"thief", "demo"} or status["handshakes_refused"] < 3:
            raise Failure(f"known: {names()}, refused {status['handshakes_refused']}")
        software = [v["software"] for v in get("/api/v1/vehicles")["vehicles"] if v.get("id", v.get("vehicle_id")) == "demo"]
        if not software[0].startswith("cantwin-gateway"):
            raise Failure(f"demo speaks as {software}")


def names():
    return {v.get("id", v.get("vehicle_id")) for v in get("/api/v1/vehicles")["vehicles"]}


def stranger(context, run, mechanism, key, server, identity=None):
    s = context.socket(zmq.DEALER)
    s.linger = 0
    if identity:
        s.identity = identity
    if mechanism == "plain":
        s.plain_username, s.plain_password = b"demo", b"demo"
    elif mechanism == "curve":
        s.curve_publickey = read_key(run, f"{key}.pub")
        s.curve_secretkey = read_key(run, f"{key}.key")
        s.curve_serverkey = read_key(run, server)
    s.connect(ENDPOINT)
    return s


def hello():
    """An Envelope with a Hello, by hand: version 1, stream and boot id of 16 bytes, catalogue hash of 32, a name."""
    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data
    body = b"\x08\x01" + field(2, b"s" * 16) + field(3, b"b" * 16) + field(6, b"h" * 32) + field(7, b"stranger")
    return field(1, body)


def key_used_twice(campaign):
    """The same keys from two places: an event and a line in the log, and still nothing is lost or counted twice."""
    with stack.Stack() as run:
        backend = run.start_fleet()
        first = Fleet(run, "twice", 2, "--rate", "5")
        second = run.start("sim-copy", "cantwin-sim", "--vehicles", "2", "--fleet", ENDPOINT, "--keys", "keys", "--name", "twice",
                           "--rate", "5")
        began = time.monotonic()
        wait_for("the log's word", lambda: said(backend, "is used from two places") == 2, 120)
        noticed = time.monotonic() - began
        wait_for("the event", lambda: any(e["name"] == "key-used-twice" for e in get("/api/v1/vehicles/twice-00001/events")["events"]))
        second.kill()
        first.finish()
        campaign.figure(f"noticed after {noticed:.1f} s")


def slow_subscriber(campaign):
    """A subscriber of everything that never reads: it loses, ingest does not wait for it."""
    with stack.Stack() as run:
        run.start_fleet()
        more = ("--rate", "20", "--signals", "200", "--batches", "100")
        alone = json_when_ended(Fleet(run, "alone", 20, *more))
        context = zmq.Context()
        deaf = context.socket(zmq.SUB)
        deaf.curve_publickey, deaf.curve_secretkey = read_key(run, "subscriber.curve.pub"), read_key(run, "subscriber.curve.key")
        deaf.curve_serverkey, deaf.rcvhwm, deaf.linger = read_key(run, "fleet.curve.pub"), 1, 0
        deaf.subscribe(b"")
        deaf.connect("tcp://127.0.0.1:17602")
        beside = Fleet(run, "beside", 20, *more)
        beside_totals = json_when_ended(beside)
        reads = deaf.poll(0)
        deaf.close()
        campaign.figure(f"ack p99 {alone['ack_ms_p99']} ms alone, {beside_totals['ack_ms_p99']} ms beside a subscriber that does not read; "
                        f"{beside.check()} batches checked")
        if not reads:
            raise Failure("the subscriber was sent nothing")
        if beside_totals["ack_ms_p99"] > 5 * max(alone["ack_ms_p99"], 50):
            raise Failure(f"ack p99 {beside_totals['ack_ms_p99']} ms, alone {alone['ack_ms_p99']} ms")


def files_are_opened(run, backend):
    """While connections hold all they can get: the backend opens its own files, and a page and its API answer."""
    before = said(backend, "peers and tokens read again")
    with open(run.path("keys/peers.txt"), "a", encoding="ascii") as file:
        file.write("\n")
    wait_for("the peers read", lambda: said(backend, "peers and tokens read again") > before)
    if len(get("/api/v1/vehicles")["vehicles"]) != 5:
        raise Failure("the API does not answer while connections hold the descriptors")


def descriptors_used_up(campaign):
    """Case 36: more connections than descriptors; what it costs meanwhile, and that it recovers."""
    with stack.Stack() as run:
        backend = run.start_fleet()
        inside = Fleet(run, "inside", 5, "--rate", "5")
        inside.sim.wait_line("all 5 vehicles connected")
        resource.prlimit(backend.process.pid, resource.RLIMIT_NOFILE, (80, 4096))
        peers = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(150)]
        began, cpu = time.monotonic(), cpu_seconds(backend)
        time.sleep(3)  # the time over which processor time is measured
        busy = (cpu_seconds(backend) - cpu) / (time.monotonic() - began)
        wait_for("the door shut", lambda: said(backend, "hardly any descriptor is left"))
        if not inside.all_connected():
            raise Failure("a vehicle that was connected is not any more")
        files_are_opened(run, backend)
        for peer in peers:
            peer.close()
        wait_for("the door open", lambda: said(backend, "descriptors are left again"))
        late = Fleet(run, "later", 3, "--rate", "5")
        late.sim.wait_line("all 3 vehicles connected", 90)
        late.finish()
        inside.finish()
        campaign.figure(f"{100 * busy:.0f} % of a core while at the limit; {inside.check() + late.check()} batches checked")


def cpu_seconds(process):
    with open(f"/proc/{process.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_key(run, name):
    with open(run.path(f"keys/{name}"), "rb") as file:
        return file.read().strip()


CASES = [idle_and_garbage_peers, strangers_refused, key_used_twice, slow_subscriber, descriptors_used_up]

if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    campaigns.run("strangers", LONG, CASES)
