#!/usr/bin/env python3
"""Power cuts: the test kernel with an ext4 disk of its own is killed while outbox and ingest log are written.

What the kernel had not flushed is gone, as at a power cut. Every boot first checks what the one before left behind against
what was told to be durable on another disk; one writer that tells before it commits shows that a loss would be seen.
CANTWIN_LONG: 200 cuts, resumed where they stopped.
"""
import os
import random
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import campaign as campaigns  # noqa: E402
import stack  # noqa: E402
from stack import Failure  # noqa: E402

LONG = bool(os.environ.get("CANTWIN_LONG"))
CUTS = 200 if LONG else 3
CUTS_A_DISK = 5
BOOT_S = 300  # the longest a life may take until it writes, or until it has stopped
TOOL = os.path.join(os.environ.get("CANTWIN_TEST_BIN", os.path.join(stack.SOURCE, "build/test/tests")), "power_cut")
SCRIPTS = os.path.join(stack.SOURCE, "vcan-scripts")

# In the kernel: mount (its journal is replayed), say how long that and the check took, then write until the end.
INSIDE = """
cd {folder} || exit 9
echo >alive.{number}
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

    def run(self, then, lie=""):
        """Starts the next life of the machine."""
        self.number += 1
        script = os.path.join(self.folder, "inside.sh")
        with open(script, "w", encoding="ascii") as file:
            file.write(INSIDE.format(folder=self.folder, tool=TOOL, then=then, number=self.number, lie=lie))
        return subprocess.Popen([os.path.join(SCRIPTS, "in-test-kernel"), "--disk", self.image, "--timeout", str(BOOT_S), "--",
                                 "bash", script], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def cut(self, point, after_s, lie=""):
        """One life that ends with a cut: so many seconds after it was alive, or had told something. Returns as found()."""
        machine = self.run("write", lie)
        reached = {"alive": lambda: os.path.exists(os.path.join(self.folder, f"alive.{self.number}")),
                   "told": lambda: min(self.told_now()) > 0}[point]
        try:
            stack.wait_for(f"life {self.number} {point}", lambda: reached() or machine.poll() is not None, BOOT_S)
            if machine.poll() is None:
                time.sleep(after_s)
        finally:
            machine.terminate()  # in-test-kernel kills the kernel at once
            told = machine.communicate()[1]
        if machine.returncode != 130:
            raise Failure(f"the kernel's command ended by itself with {machine.returncode}: {told[-300:]}")
        return self.found()

    def stop(self):
        """One life that only checks what the last one left."""
        machine = self.run("stop")
        told = machine.communicate()[1]
        if machine.returncode != 0:
            raise Failure(f"the check ended with {machine.returncode}: {told[-300:]}")
        return self.found()

    def found(self):
        """(outbox, log) that this life's check found; None if the cut came before its end."""
        result = os.path.join(self.folder, "result")
        if not os.path.exists(result):
            return None
        with open(result, encoding="ascii") as file:
            text = file.read()
        os.remove(result)
        if "exit" not in text:
            return None  # the next life has the same to show
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


def cuts_of_a_disk(campaign, chance):
    """As many as its room allows: nobody takes records away. Returns the slowest recovery, in ms, and what was told."""
    with tempfile.TemporaryDirectory(prefix="cantwin-power-") as folder:
        disk = Disk(folder)
        for life in range(min(CUTS_A_DISK, CUTS - campaign.count("cuts"))):
            # Every third one may come before the recovery has ended.
            compare(disk.cut("alive" if life % 3 == 2 else "told", chance.uniform(0, 4)), disk.told)
            disk.told = max(disk.told, disk.told_now())
            campaign.add("cuts")
        compare(disk.stop(), disk.told)
        return disk.slowest, disk.told


def cuts(campaign):
    chance = random.Random(campaign.seed + campaign.count("cuts"))
    slowest, told = 0, (0, 0)
    while campaign.count("cuts") < CUTS:
        one, durable = cuts_of_a_disk(campaign, chance)
        slowest, told = max(slowest, one), max(told, durable)
    campaign.figure(f"{campaign.count('cuts')} cuts, up to {told} records told durable on a disk: 0 of them lost, 0 stores that do not "
                    f"open, mount and recovery at most {slowest} ms")


def liar_is_found(campaign):
    with tempfile.TemporaryDirectory(prefix="cantwin-power-") as folder:
        disk = Disk(folder)
        disk.cut("told", 0, "--lie")
        told = disk.told_now()
        found = disk.stop()
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
