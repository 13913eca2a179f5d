#!/usr/bin/env python3
"""Our ISO-TP machine over SocketCAN against the kernel's (CAN_ISOTP): can-utils' isotpsend and isotprecv and our own binding
as peers, both directions, classic and CAN FD, normal and extended addressing, with block sizes, STmin and WAIT. Runs in a
kernel with CAN where vcan0 is up (tests/run.sh)."""

import os
import pathlib
import shutil
import subprocess
import sys

TIMEOUT = 100
PEER = pathlib.Path(os.environ["CANTWIN_TEST_BIN"]) / "isotp_peer"
failed = False


def report(name, problems):
    global failed
    failed = failed or bool(problems)
    print(f"not ok {name}: {problems[0]}" if problems else f"ok {name}", flush=True)


def payload(length, seed):
    return bytes((i * 7 + (i >> 8) + seed) & 0xFF for i in range(length))


class Ours:
    """isotp_peer on vcan0: the ECU's end (7E8, 7E0) unless ids are given."""

    def __init__(self, *words, ids=("7E8", "7E0"), options=()):
        self.process = subprocess.Popen([PEER, "vcan0", *ids, *options, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        if "ready" not in self.process.stderr.readline():
            raise AssertionError(f"isotp_peer: {self.process.stderr.read()}")

    def end(self):
        out, err = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, out, err


def link_options(dl):
    return [] if dl == 8 else ["-L", f"72:{dl}:0"]


def peer_options(dl, more=()):
    return [*([] if dl == 8 else ["--dl", str(dl)]), *more]


def kernel_sends(dl, lengths, more=(), kernel_more=()):
    """isotpsend to our machine."""
    problems = []
    ours = Ours("receive", str(len(lengths)), options=peer_options(dl, more))
    for i, length in enumerate(lengths):
        text = " ".join(f"{b:02X}" for b in payload(length, i))
        subprocess.run(["isotpsend", "-s", "7E0", "-d", "7E8", "-b", *link_options(dl), *kernel_more, "vcan0"], input=text, text=True,
                       timeout=TIMEOUT, check=True)
    status, out, err = ours.end()
    got = [bytes.fromhex(line) for line in out.split()]
    for i, length in enumerate(lengths):
        if i >= len(got) or got[i] != payload(length, i):
            problems.append(f"{length} bytes came as {len(got[i]) if i < len(got) else 'nothing'} {err}")
    return problems + ([] if status == 0 else [f"status {status} {err}"])


def kernel_receives(dl, lengths, more=(), kernel_more=()):
    """Our machine to isotprecv, one process a message: it ends after the first."""
    problems = []
    for i, length in enumerate(lengths):
        receiver = subprocess.Popen(["isotprecv", "-s", "7E8", "-d", "7E0", *link_options(dl), *kernel_more, "vcan0"],
                                    stdout=subprocess.PIPE, text=True)
        wait_bound(receiver.pid)
        status, _, err = Ours("send", payload(length, i).hex(), ids=("7E0", "7E8"), options=peer_options(dl, more)).end()
        out, _ = receiver.communicate(timeout=TIMEOUT)
        if status != 0 or bytes.fromhex(out) != payload(length, i):
            problems.append(f"{length} bytes: status {status} {err}, {len(bytes.fromhex(out))} came")
    return problems


def wait_bound(pid):
    """Until the process waits in recv: its socket is bound then."""
    for _ in range(2000):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        if state == "S" and any("socket" in link for link in links):
            return
    raise AssertionError("isotprecv did not start to wait")


def binding(dl, ours_first):
    """The kernel behind our binding sends and gets back what it sent, or the other way round."""
    problems = []
    options = peer_options(dl)
    ours = Ours("echo", "3", options=options + ([] if ours_first else ["--kernel"]))
    for length in (5, 200, 4000):
        peer = Ours("send", payload(length, 1).hex(), ids=("7E0", "7E8"), options=options + (["--kernel"] if ours_first else []))
        status, _, err = peer.end()
        problems += [] if status == 0 else [f"{length} bytes: {err}"]
    ours.process.kill()
    ours.end()
    return problems


def nobody_answers():
    status, _, err = Ours("send", payload(20, 0).hex(), ids=("123", "124")).end()
    return [] if status == 1 and "N_TIMEOUT_Bs" in err else [f"{status} {err}"]


def main():
    missing = [p for p in ("isotpsend", "isotprecv") if shutil.which(p) is None]
    if missing:
        print(f"skip isotp: {missing[0]} is not installed")
        return
    report("isotp_kernel_sends_classic", kernel_sends(8, [1, 7, 8, 100, 4095]))
    report("isotp_kernel_sends_32_bit_lengths", kernel_sends(8, [4096, 5000]))
    report("isotp_kernel_sends_fd", kernel_sends(64, [1, 8, 62, 63, 4095]))
    report("isotp_kernel_keeps_our_block_size_and_gap", kernel_sends(8, [300], ["--bs", "4", "--stmin-us", "2000"]))
    report("isotp_kernel_waits_when_we_hold", kernel_sends(8, [300], ["--hold", "3"]))
    report("isotp_kernel_sends_padded_and_extended",
           kernel_sends(8, [6, 7, 500], ["--mode", "extended", "--byte", "F1", "12"], ["-x", "12:F1", "-p", "AA:CC"]))
    report("isotp_kernel_receives_classic", kernel_receives(8, [1, 7, 8, 100, 4095]))
    report("isotp_kernel_receives_fd", kernel_receives(64, [1, 8, 62, 63, 4095]))
    report("isotp_kernel_receives_with_its_block_size_and_gap", kernel_receives(8, [300], (), ["-b", "3", "-m", "01"]))
    report("isotp_kernel_checks_our_padding", kernel_receives(8, [3, 20], (), ["-p", ":CC", "-P", "a"]))
    report("isotp_kernel_receives_extended",
           kernel_receives(8, [6, 7, 500], ["--mode", "extended", "--byte", "12", "F1"], ["-x", "F1:12"]))
    for dl in (8, 64):
        report(f"isotp_binding_sends_dl_{dl}", binding(dl, True))
        report(f"isotp_binding_receives_dl_{dl}", binding(dl, False))
    report("isotp_without_a_peer_ends_in_a_timeout", nobody_answers())


main()
sys.exit(1 if failed else 0)
