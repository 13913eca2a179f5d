"""A backend with one sending toy vehicle in a folder of its own, and calls of its API, for the scripts of the suites."""

import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(os.environ.get("CANTWIN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("CANTWIN_BIN", ROOT / "build/test/bin"))
BEAM = "Vehicle.Body.Lights.Beam.Low.IsOn"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds=60.0, step=0.1):
    """Polls `what` until it is true; returns its value, or the last one."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = what()
        except (OSError, KeyError, RuntimeError):
            value = None
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Backend:
    """cantwin-fleet in a folder of its own; `vehicle()` starts a toy vehicle that sends."""

    def __init__(self, http=None, **settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cantwin-fleet-"))
        self.processes = []
        self.link, publish, self.port = free_port(), free_port(), free_port()
        subprocess.run([BIN / "cantwin", "keys", "init", "--dir", "keys", "--vehicle", "toy"], cwd=self.folder,
                       check=True, stdout=subprocess.DEVNULL)
        self.settings = {
            "link": {"endpoint": f"tcp://127.0.0.1:{self.link}", "key": "keys/fleet.curve", "peers": "keys/peers.txt"},
            "publish": {"endpoint": f"tcp://127.0.0.1:{publish}"},
            "http": {"address": "127.0.0.1", "port": self.port, **(http or {})},
            "director_key": "keys/director.ed25519.key", "state_dir": "state", **settings}
        (self.folder / "fleet.yaml").write_text(json.dumps(self.settings))  # JSON is YAML
        self.scheme = "https" if "tls_key" in (http or {}) else "http"
        self.base = f"{self.scheme}://127.0.0.1:{self.port}/"
        self.fleet = None

    def start(self):
        self.fleet = self.run([BIN / "cantwin-fleet", "--config", "fleet.yaml"])
        if not wait_for(lambda: self.get("").status == 200):
            raise RuntimeError("the backend does not answer")
        return self

    def vehicle(self, *arguments):
        return self.run([BIN / "test_vehicle", "--keys", "keys", "--vehicle", "toy", "--endpoint",
                         f"tcp://127.0.0.1:{self.link}", "--interval-ms", "100", *arguments])

    def run(self, command):
        log = open(self.folder / "log.txt", "ab")
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=log)
        log.close()
        self.processes.append(process)
        return process

    def tool(self, *arguments):
        """One of cantwin-fleet's commands that end at once."""
        return subprocess.run([BIN / "cantwin-fleet", *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=60)

    def call(self, method, path, body=None, token=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if data is not None else {}
        given.update({"Authorization": f"Bearer {token}"} if token else {})
        given.update(headers or {})
        context = None
        if self.scheme == "https":
            context = ssl.create_default_context(cafile=self.folder / self.settings["http"]["tls_certificate"])
        request = urllib.request.Request(self.base + path, data, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path, token=None, headers=None):
        return self.call("GET", path, None, token, headers)

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        self.processes.remove(process)
        return process.wait(60)

    def stop(self):
        """Ends everything; the backend's exit code."""
        codes = [self.end(process) for process in reversed(list(self.processes))]
        shutil.rmtree(self.folder, ignore_errors=True)
        return codes[-1] if codes else 0

    def log(self):
        return (self.folder / "log.txt").read_text()
