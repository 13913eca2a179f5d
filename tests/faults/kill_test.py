#!/usr/bin/env python3
"""kill -9 at five named points; an independent checker compares what the vehicle sent with what the backend stored.

What was sent is the simulator's own record of its frames, decoded by cantools; what was stored is asked over REST. The
watched signal is a free-running count, so every value is sent once: a value stored twice was counted twice, a value missing
must lie in a reported gap, and a value never sent must not be there.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import cantools  # noqa: E402
import stack  # noqa: E402
from stack import Failure, request, wait_for  # noqa: E402

BUS, MESSAGE, SIGNAL = "can0", "ENGINE_STATUS", "ENGINE_FRAME_COUNT"
# point, program it kills, pass at which it kills, may values be missing (inside a reported gap)
POINTS = [
    ("gateway-before-outbox", "gateway", 20, True),
    ("gateway-before-send", "gateway", 20, True),
    ("fleet-before-log", "fleet", 20, False),
    ("fleet-before-ack", "fleet", 20, False),
    ("fleet-in-fold", "fleet", 5, False),
]


def sent_values(run):
    """[(utc_us, count)] of every frame the simulator sent, in order."""
    database = cantools.database.load_file(run.path("powertrain.dbc"), strict=False)
    message = database.get_message_by_name(MESSAGE)
    values = []
    with open(run.path("sent.log"), encoding="ascii") as log:
        for line in log:
            stamp, bus, body = line.split()[:3]
            identity, _, data = body.partition("#")
            if bus != BUS or "#" in data or int(identity, 16) != message.frame_id or len(identity) != 3:
                continue
            decoded = message.decode(bytes.fromhex(data), decode_choices=False)
            values.append((int(float(stamp.strip("()")) * 1e6), int(decoded[SIGNAL])))
    return values


def stored(_run):
    """([(utc_us, count)], gaps) of everything the backend holds. A value that went stale is reported again with its
    quality: that is not a value of its own."""
    values, gaps, begin = [], {}, 0
    while True:
        path = f"/api/v1/vehicles/demo/history?signal={BUS}.{MESSAGE}.{SIGNAL}&from={begin}&to=9999999999999"
        status, answer = request("GET", path)
        if status == 404:  # connected, and nothing of it has come yet
            return [], []
        if status != 200:
            raise Failure(f"GET {path}: {status} {answer}")
        samples = answer["samples"]
        gaps.update({(gap["from_utc_ms"], gap["seq_first"], gap["reason"]): gap for gap in answer["gaps"]})
        if answer["truncated"]:  # go on with the last millisecond, of which there may be more
            begin = int(samples[-1][0]) // 1000
            samples = [s for s in samples if int(s[0]) // 1000 < begin]
        values += [(int(s[0]), int(s[1])) for s in samples if not s[2]]
        if not answer["truncated"]:
            return values, list(gaps.values())


def covered(gaps, before_us, after_us):
    """True when a reported gap meets the time between two neighbouring stored values."""
    return any(int(g["from_utc_ms"]) * 1000 <= after_us + 1000 and int(g["to_utc_ms"]) * 1000 >= before_us - 1000
               for g in gaps)


def check(sent, held, gaps, may_miss):
    """The history checker: every value sent is stored once, or (may_miss) lies in a reported gap; nothing else is stored.

    The gateway was on the bus before the first frame was sent, so nothing before the first stored value is excused.
    """
    counts = [count for _, count in held]
    if len(set(counts)) != len(counts):
        raise Failure(f"{len(counts) - len(set(counts))} values counted twice")
    known = {count: stamp for stamp, count in sent}
    invented = [count for count in counts if count not in known]
    if invented:
        raise Failure(f"values never sent: {invented[:5]}")
    have = sorted(counts)
    missing = sorted(set(known) - set(counts))
    if missing and not may_miss:
        raise Failure(f"{len(missing)} values missing, first {missing[0]}, although the gateway kept running")
    for count in missing:
        before = max((c for c in have if c < count), default=None)
        after = min((c for c in have if c > count), default=None)
        if after is None or before is None or not covered(gaps, known[before], known[after]):
            raise Failure(f"value {count} is missing and no gap is reported there (gaps: {gaps[:5]})")
    return len(have), len(missing)


def checker_finds_faults():
    """The checker itself: what it must object to, and what it must not."""
    sent = [(1000000 + 10000 * n, n) for n in range(100)]
    gap = {"from_utc_ms": 1000 + 10 * 39, "to_utc_ms": 1000 + 10 * 60, "reason": "restart"}
    hole = [v for v in sent if not 40 <= v[1] < 60]
    good = [(sent, [], False), (hole, [gap], True)]
    bad = [(sent[1:], [], False), (sent[5:], [gap], True), (sent[:-1], [gap], True), (sent + sent[50:51], [], False),
           (sent + [(2000000, 100)], [], False), (hole, [], True), (hole, [gap], False),
           ([v for v in hole if v[1] != 80], [gap], True)]
    for held, gaps, may_miss in good:
        check(sent, held, gaps, may_miss)
    for number, (held, gaps, may_miss) in enumerate(bad):
        try:
            check(sent, held, gaps, may_miss)
        except Failure:
            continue
        raise Failure(f"fault {number} was not found")


def restart(run, program):
    run.start_fleet() if program == "fleet" else run.start_gateway()
    run.wait_connected()


def kill_at(point, program, nth, may_miss):
    with stack.Stack() as run:
        crash = {"CANTWIN_CRASH_AT": f"{point}:{nth}"}
        run.start_hub()
        run.start_fleet(env=crash if program == "fleet" else None)
        run.start_gateway(env=crash if program == "gateway" else None)
        sim = run.start_sim("--record", "sent.log")
        status = run.processes[program].wait_killed()
        if status != -9:
            raise Failure(f"{program} ended with {status}, not by the kill")
        restart(run, program)
        wait_for("stored values", lambda: stored(run)[0])
        # Something new must arrive after the recovery.
        newest = max((c for _, c in stored(run)[0]), default=0)
        wait_for("new values after recovery", lambda: max((c for _, c in stored(run)[0]), default=0) > newest + 50)
        sim.stop()
        sent = sent_values(run)
        wait_for("the last value sent", lambda: sent[-1][1] in {c for _, c in stored(run)[0]})
        held, gaps = stored(run)
        count, missing = check(sent, held, gaps, may_miss)
        print(f"# {point}: {count} values stored once, {missing} missing inside {len(gaps)} reported gaps")
        if may_miss and missing and not any(g["reason"] == "restart" for g in gaps):
            raise Failure("values are missing but no restart gap is reported")
        run.processes["gateway"].stop()
        run.processes["fleet"].stop()


if __name__ == "__main__":
    stack.finish([stack.case("kill_checker_finds_faults", checker_finds_faults)] +
                 [stack.case(f"kill_{point}_recovers", kill_at, point, program, nth, may_miss)
                  for point, program, nth, may_miss in POINTS])
