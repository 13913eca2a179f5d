#!/usr/bin/env python3
"""The page's test on the whole chain: simulated vehicle, hub, gateway and backend behind it."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402

with stack.Stack() as run:
    run.start_all()
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page_test.py")
    sys.exit(subprocess.run([sys.executable, page, stack.FRONT, *sys.argv[1:]], check=False).returncode)
