#!/usr/bin/env python3
"""`cantwin diag` straight on a kernel interface against ECUs whose segmentation is the kernel's own (CAN_ISOTP sockets),
classic and FD: short and long answers, a write, a download in blocks of 4095 bytes. Runs in a kernel with CAN where vcan0 is
up (tests/run.sh), as root."""

import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading

BIN = pathlib.Path(os.environ["CANTWIN_BIN"])
VIN = b"WCTKERNEL00000017"
SOL_CAN_ISOTP = 106
CAN_ISOTP_LL_OPTS = 5


class Ecu:
    def __init__(self, request_id, response_id, fd):
        self.socket = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_ISOTP)
        if fd:
            self.socket.setsockopt(SOL_CAN_ISOTP, CAN_ISOTP_LL_OPTS, struct.pack("BBB", 72, 64, 0))
        self.socket.bind(("vcan0", request_id, response_id))
        self.written, self.image = b"", b""
        self.long = random.Random(1).randbytes(2000)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            self.socket.send(self.answer(self.socket.recv(5000)))

    def answer(self, request):
        match request[0]:
            case 0x22:
                return b"\x62" + request[1:3] + {b"\xF1\x90": VIN, b"\x05\x00": self.long, b"\x01\x23": self.written}[request[1:3]]
            case 0x2E:
                self.written = request[3:]
                return b"\x6E" + request[1:3]
            case 0x10:
                return b"\x50" + request[1:2] + b"\x00\x32\x01\xF4"
            case 0x34:
                self.image = b""
                return b"\x74\x20\x0F\xFF"
            case 0x36:
                self.image += request[2:]
                return b"\x76" + request[1:2]
            case 0x37:
                return b"\x77"
        return b"\x7F" + request[:1] + b"\x11"


def diag(*arguments):
    done = subprocess.run([BIN / "cantwin", "diag", *arguments, "--timeout", "5", "--json"], capture_output=True, text=True,
                          timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def check(kind, ecu, pair):
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder) / "image.bin"
        image.write_bytes(random.Random(2).randbytes(10000))
        cases = {
            "short": lambda: diag("did", "read", *pair, "F190")[0]["hex"] == VIN.hex(),
            "long": lambda: diag("did", "read", *pair, "0500")[0]["hex"] == ecu.long.hex(),
            "write": lambda: diag("did", "write", *pair, "0123", "AB" * 300)["verified"] and ecu.written == b"\xAB" * 300,
            "flash": lambda: diag("flash", *pair, "--address", "0x1000", str(image))["bytes"] == 10000
            and ecu.image == image.read_bytes(),
        }
        failed = False
        for name, run in cases.items():
            try:
                passed, why = run(), "the bytes differ"
            except (AssertionError, KeyError, ValueError, subprocess.TimeoutExpired) as problem:
                passed, why = False, str(problem).replace("\n", " ")
            print(f"ok diag_kernel_{kind}_{name}" if passed else f"not ok diag_kernel_{kind}_{name}: {why}", flush=True)
            failed = failed or not passed
        return failed


def main():
    classic, fast = Ecu(0x7E0, 0x7E8, False), Ecu(0x7E1, 0x7E9, True)
    pair = ("--bus", "vcan0", "--tx", "7E0", "--rx", "7E8")
    fast_pair = ("--bus", "vcan0", "--fd", "--tx", "7E1", "--rx", "7E9")
    sys.exit(1 if check("classic", classic, pair) | check("fd", fast, fast_pair) else 0)


if __name__ == "__main__":
    main()
