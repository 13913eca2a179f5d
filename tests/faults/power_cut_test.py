#!/usr/bin/env python3
"""Power cuts: the test kernel with an ext4 disk of its own is killed while outbox and ingest log are written.

What the kernel had not flushed is gone, as at a power cut. Every boot first checks what the one before left behind against
what was told to be durable on another disk; one writer that tells before it commits shows that a loss would be seen.
CANTWIN_LONG: 200 cuts, resumed where they stopped.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import campaign as campaigns  # noqa: E402
import stack  # noqa: E402
from stack import Failure  # noqa: E402

LONG = bool(os.environ.get("CANTWIN_LONG"))
CUTS = 200 if LONG else 2
TOOL = os.path.join(os.environ.get("CANTWIN_TEST_BIN", os.path.join(stack.SOURCE, "build/test/tests")), "power_cut")
SCRIPTS = os.path.join(stack.SOURCE, "vcan-scripts")

# In the kernel: mount (its journal is replayed), say how long that and the check took, then write until the end.
INSIDE = """
cd {folder} || exit 9
t0=$(date +%s%N)
mount -t ext4 /dev/ubda {folder}/mnt || exit 8
t1=$(date +%s%N)
mkdir -p mnt/state
{tool} check mnt/state >result 2>&1; echo "exit $? mount_ms $(((t1 - t0) / 1000000)) check_ms $((($(date +%s%N) - t1) / 1000000))" >>result
sync
[ "{then}" = stop ] && {{ umount mnt; exit 0; }}
exec {tool} write mnt/state {folder}/told.{number} {lie}
"""


class Disk:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(os.path.join(folder, "mnt"))
        self.image = os.path.join(folder, "disk.img")
        with open(self.image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", self.image], check=True)
        self.told = (0, 0)
        self.number = 0
        self.slowest = 0

    def boot(self, then, seconds, lie=""):
        """One life of the machine; checks first what the last one left. Returns (outbox, log) found, None if it did not live so long."""
        self.number += 1
        script = os.path.join(self.folder, "inside.sh")
        with open(script, "w", encoding="ascii") as file:
            file.write(INSIDE.format(folder=self.folder, tool=TOOL, then=then, number=self.number, lie=lie))
        done = subprocess.run([os.path.join(SCRIPTS, "in-test-kernel"), "--disk", self.image, "--timeout", str(seconds), "--",
                               "bash", script], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode not in (0, 124):
            raise Failure(f"the kernel's command ended with {done.returncode}: {done.stderr[-300:]}")
        result = os.path.join(self.folder, "result")
        if not os.path.exists(result) or "exit" not in open(result, encoding="ascii").read():
            if then == "stop":
                raise Failure("the check did not end")
            return None  # the cut came before or in the recovery: the next life has the same to show
        with open(result, encoding="ascii") as file:
            text = file.read()
        os.remove(result)
        match = re.search(r"^(\d+) (\d+)\nexit 0 mount_ms (\d+) check_ms (\d+)", text)
        if not match:
            raise Failure(f"the stores do not open: {text.strip()}")
        self.slowest = max(self.slowest, int(match[3]) + int(match[4]))
        return int(match[1]), int(match[2])

    def told_now(self):
        """What the life that has just ended told to be durable."""
        try:
            with open(os.path.join(self.folder, f"told.{self.number}"), encoding="ascii") as file:
                words = file.read().split()
            return int(words[0]), int(words[1])
        except (OSError, IndexError):
            return 0, 0


def compare(found, told):
    if found is None:
        return
    lost = [max(0, t - f) for f, t in zip(found, told)]
    if any(lost):
        raise Failure(f"told durable {told}, found {found}")


def cuts(campaign):
    lives = 0
    with tempfile.TemporaryDirectory(prefix="cantwin-power-") as folder:
        disk = Disk(folder)
        while campaign.count("cuts") < CUTS if LONG else lives < CUTS:
            compare(disk.boot("write", 8 + lives % 4), disk.told)  # the cut comes after so many seconds
            disk.told = max(disk.told, disk.told_now())
            lives += 1
            campaign.add("cuts")
        if disk.told[0] == 0:
            raise Failure("nothing was written before the cut")
        compare(disk.boot("stop", 60), disk.told)
        campaign.figure(f"{campaign.count('cuts')} cuts, last told {disk.told}: 0 records lost after they were durable, 0 stores "
                        f"that do not open, mount and recovery at most {disk.slowest} ms")


def liar_is_found(campaign):
    with tempfile.TemporaryDirectory(prefix="cantwin-power-") as folder:
        disk = Disk(folder)
        disk.boot("write", 9, "--lie")
        told = disk.told_now()
        found = disk.boot("stop", 60)
        campaign.figure(f"a writer that never commits told {told}, found {found}")
        if found[0] >= told[0] or found[1] >= told[1]:
            raise Failure(f"told {told} without a commit, found {found}: this test sees no loss")


def main():
    path = subprocess.run([os.path.join(SCRIPTS, "test-kernel"), "--path"], capture_output=True, text=True, check=False)
    if path.returncode != 0:
        print("skip power_cut: there is no test kernel; vcan-scripts/test-kernel builds it")
        return
    alive = subprocess.run([os.path.join(SCRIPTS, "in-test-kernel"), "--timeout", "60", "true"], capture_output=True, text=True,
                           check=False)
    if alive.returncode != 0:
        print("skip power_cut: the test kernel does not run on this machine")
        return
    if not os.path.exists(TOOL):
        print(f"not ok power_cut: {TOOL} is not built")
        sys.exit(1)
    campaigns.run("power", LONG, [liar_is_found, cuts])


if __name__ == "__main__":
    main()
