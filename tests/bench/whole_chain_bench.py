#!/usr/bin/env python3
"""Figures of the whole chain, printed and never judged: one `ok` line each, so that a broken benchmark is seen.

decode    `cantwin decode` (log text to JSON) against cantools' Python decoder on the same log, as a ratio
gateway   CPU and memory of the gateway under the simulated vehicle (getrusage of the whole process)
link      time from a frame's stamp on the bus to a subscriber's having it, on one machine
"""
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import can  # noqa: E402
import cantools  # noqa: E402
import stack  # noqa: E402

CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(stack.SOURCE, "../shared/corpus"))
LOG = os.path.join(CORPUS, "logs/converted/rav4_2s.log")
DBC = os.path.join(CORPUS, "dbc/opendbc_generated/toyota_new_mc_pt_generated.dbc")


def decode():
    text = open(LOG, encoding="ascii").read()
    lines = text.count("\n")
    repeat = 20
    began = time.perf_counter()
    subprocess.run([os.path.join(stack.BIN, "cantwin"), "decode", "--dbc", DBC, "-"], input=(text * repeat).encode(),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    ours = (time.perf_counter() - began) / (lines * repeat)
    database = cantools.database.load_file(DBC, strict=False)
    began = time.perf_counter()
    for frame in can.CanutilsLogReader(LOG):
        try:
            database.decode_message(frame.arbitration_id, frame.data)
        except (KeyError, cantools.database.errors.DecodeError, ValueError):
            pass
    theirs = (time.perf_counter() - began) / lines
    print(f"# decode: {ours * 1e9:.0f} ns a frame to JSON, python-can + cantools {theirs * 1e9:.0f} ns a frame to dicts: "
          f"ratio {ours / theirs:.3f}")


def usage(pid):
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = open(f"/proc/{pid}/status", encoding="ascii").read()
    return cpu, int(status.split("VmRSS:")[1].split()[0])


def gateway(run):
    pid = run.processes["gateway"].process.pid
    frames = sum(bus["frames"] for bus in run.gateway_status()["buses"])
    cpu, _ = usage(pid)
    began = time.perf_counter()
    stack.wait_for("5,000 frames", lambda: sum(b["frames"] for b in run.gateway_status()["buses"]) >= frames + 5000)
    seconds = time.perf_counter() - began
    after, rss = usage(pid)
    count = sum(bus["frames"] for bus in run.gateway_status()["buses"]) - frames
    print(f"# gateway: {count / seconds:.0f} frames/s at {100 * (after - cpu) / seconds:.1f} % of a core, RSS {rss / 1024:.1f} MiB")


def link(run):
    script = os.path.join(stack.SOURCE, "tests/interop/twin_subscriber.py")
    with subprocess.Popen([sys.executable, script, "--endpoint", "tcp://127.0.0.1:17602", "--server-key", "keys/fleet.curve.pub",
                           "--public", "keys/subscriber.curve.pub", "--secret", "keys/subscriber.curve.key",
                           "--topic", "demo/can0.ENGINE_STATUS", "--count", "100"],
                          cwd=run.folder, stdout=subprocess.PIPE, text=True) as process:
        import json
        delays = []
        for line in process.stdout:
            now = time.time_ns()
            row = json.loads(line)
            if not row["snapshot"]:
                delays.append((now - row["utc_ns"]) / 1e6)
    delays.sort()
    print(f"# link: {len(delays)} values, bus to subscriber p50 {delays[len(delays) // 2]:.1f} ms, "
          f"p99 {delays[int(len(delays) * 0.99)]:.1f} ms (outbox.commit_ms 100 is part of it)")


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    results = []
    if os.path.exists(LOG):
        results.append(stack.case("bench_decode", decode))
    else:
        print(f"skip bench_decode: no {LOG} (set CANTWIN_CORPUS)")
    with stack.Stack() as run:
        run.start_all()
        results.append(stack.case("bench_gateway", gateway, run))
        results.append(stack.case("bench_link", link, run))
    stack.finish(results)


if __name__ == "__main__":
    main()
