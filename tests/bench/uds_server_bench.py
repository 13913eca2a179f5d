#!/usr/bin/env python3
"""UDS requests a second through a served hub (real sockets, two processes): one ECU, and 32 ECUs interleaved; an answer
in one frame (4 bytes) and one in three with flow control (a VIN). iso14229 0.9, which answers when P2 has ended, was
measured at 18.5 requests a second.

Lines: `# ...` figures, `ok` that every request was answered. Times are not judged.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402

BENCH = os.path.join(os.environ.get("CANTWIN_TEST_BIN", os.path.join(stack.SOURCE, "build/test/tests")), "uds_bench")
ISO14229 = 18.5
failed = False
with tempfile.TemporaryDirectory() as folder:
    hub = subprocess.Popen([os.path.join(stack.BIN, "cantwin"), "bus", "serve", "bench.sock"], cwd=folder,
                           stderr=subprocess.PIPE)
    try:
        while not hub.stderr.readline().rstrip().endswith(b"ready"):
            pass
        for pairs in (1, 32):
            figures = json.loads(subprocess.run([BENCH, "unix:bench.sock", str(pairs), "2"], cwd=folder, check=True,
                                                stdout=subprocess.PIPE).stdout)
            print("# %2d ECU%s: %6.0f requests/s answered in one frame, %6.0f/s in three (VIN); %.0f times iso14229"
                  % (pairs, " " if pairs == 1 else "s", figures["single_frame"], figures["vin"],
                     figures["single_frame"] / ISO14229))
            bad = figures["failed"] > 0
            failed = failed or bad
            print("%sok uds_%d_all_answered: %d failed" % ("not " if bad else "", pairs, figures["failed"]))
    finally:
        hub.terminate()
        hub.wait()
        hub.stderr.close()
sys.exit(failed)
