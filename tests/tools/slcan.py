"""An slcan interface over a pty whose other end is read and kept: a CAN device with a bit rate, statistics and a transmit
queue of its own, without hardware. Needs root and a kernel with slcan."""
import fcntl
import os
import pty
import struct
import subprocess
import threading
import tty

TIOCSETD, SIOCGIFNAME, N_SLCAN = 0x5423, 0x8910, 17


class Slcan:
    def __init__(self, bitrate):
        self.master, self.line = pty.openpty()
        tty.setraw(self.line)
        fcntl.ioctl(self.line, TIOCSETD, struct.pack("=i", N_SLCAN))
        self.name = fcntl.ioctl(self.line, SIOCGIFNAME, bytes(16)).split(b"\0")[0].decode()
        self.seen = b""
        # The kernel writes the adapter's commands and waits until they are gone.
        threading.Thread(target=self.read, daemon=True).start()
        subprocess.run(["ip", "link", "set", self.name, "txqueuelen", "256", "type", "can", "bitrate", str(bitrate)], check=True)
        subprocess.run(["ip", "link", "set", self.name, "up"], check=True)

    def read(self):
        try:
            while data := os.read(self.master, 4096):
                self.seen += data
        except OSError:  # closed
            pass

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        os.close(self.line)
        os.close(self.master)
