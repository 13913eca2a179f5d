"""The whole chain as processes, for tests: hub, fleet, gateway, simulated vehicle, in a folder of its own.

Waits are on what a process says (`ready`) or on a condition with a deadline; nothing is timed.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SOURCE = os.environ.get("CANTWIN_SOURCE", os.getcwd())
BIN = os.environ.get("CANTWIN_BIN", os.path.join(SOURCE, "build/test/bin"))
DEADLINE_S = float(os.environ.get("CANTWIN_DEADLINE_S", "60"))
FRONT = "http://127.0.0.1:17680"


class Failure(Exception):
    """What a test found wrong."""


def case(name, function, *args):
    """Runs one test case and prints its line; returns True when it passed."""
    try:
        function(*args)
    except Failure as failure:
        print(f"not ok {name}: {failure}", flush=True)
        return False
    except Exception as error:  # a test's own fault is a failure too, with its name
        print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"ok {name}", flush=True)
    return True


def wait_for(what, condition, deadline_s=DEADLINE_S):
    """The condition's first true value; fails after the deadline. Polls: the condition is another process's state."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what} did not happen within {deadline_s:.0f} s")
        time.sleep(0.02)


class Process:
    """A program whose standard error is kept and watched for a line."""

    def __init__(self, name, argv, cwd, env=None):
        self.name = name
        self.lines = []
        self.log = open(os.path.join(cwd, f"{name}.err"), "ab")
        full = dict(os.environ)
        full.update(env or {})
        self.process = subprocess.Popen(argv, cwd=cwd, env=full, stdin=subprocess.DEVNULL,
                                        stdout=open(os.path.join(cwd, f"{name}.out"), "ab"), stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.write(line)
            self.log.flush()
            self.lines.append(line.decode(errors="replace").rstrip())

    def wait_line(self, text, deadline_s=DEADLINE_S):
        def seen():
            if any(text in line for line in self.lines):
                return True
            if self.process.poll() is not None:
                self.reader.join(2)
                if any(text in line for line in self.lines):
                    return True
                raise Failure(f"{self.name} ended with {self.process.returncode}: {' | '.join(self.lines[-4:])}")
            return False
        wait_for(f"{self.name}: '{text}'", seen, deadline_s)

    def wait_killed(self, deadline_s=DEADLINE_S):
        wait_for(f"{self.name} killed", lambda: self.process.poll() is not None, deadline_s)
        self.reader.join(5)
        return self.process.returncode

    def signal(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """SIGSTOP, and every thread stands still when this returns; SIGCONT lets it go on."""
        def still():
            for thread in os.listdir(f"/proc/{self.process.pid}/task"):
                with open(f"/proc/{self.process.pid}/task/{thread}/stat", encoding="utf-8", errors="replace") as file:
                    if file.read().rpartition(")")[2].split()[0] != "T":
                        return False
            return True
        self.process.send_signal(signal.SIGSTOP)
        wait_for(f"{self.name} standing still", still)

    def stop(self, deadline_s=DEADLINE_S):
        """SIGTERM and the exit status; 0 is wanted of every program."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure(f"{self.name} did not stop within {deadline_s:.0f} s of SIGTERM") from None
        self.reader.join(5)
        if status != 0:
            raise Failure(f"{self.name} ended with {status}: {' | '.join(self.lines[-4:])}")
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)


class Stack:
    """A run folder with the demo vehicle's configuration and keys, and the programs started in it."""

    def __init__(self, keep=False):
        self.folder = tempfile.mkdtemp(prefix="cantwin-")
        self.keep = keep
        shutil.copytree(os.path.join(SOURCE, "sim/vehicle"), self.folder, dirs_exist_ok=True)
        self.run("cantwin", "keys", "init", "--dir", "keys", "--vehicle", "demo")
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for process in reversed(list(self.processes.values())):
            process.kill()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, program, *args, check=True, stdin=None):
        done = subprocess.run([os.path.join(BIN, program), *args], cwd=self.folder, capture_output=True, text=True,
                              input=stdin, timeout=DEADLINE_S, check=False)
        if check and done.returncode != 0:
            raise Failure(f"{program} {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")
        return done

    def start(self, name, program, *args, env=None, ready="ready"):
        process = Process(name, [os.path.join(BIN, program), *args], self.folder, env)
        self.processes[name] = process
        if ready:
            process.wait_line(ready)
        return process

    def start_hub(self, *more):
        process = self.start("hub", "cantwin", "bus", "serve", "can0.sock", "can1.sock", *more, ready=None)
        wait_for("hub sockets", lambda: all(os.path.exists(self.path(f"can{i}.sock")) for i in (0, 1)))
        return process

    def start_fleet(self, *more, env=None):
        return self.start("fleet", "cantwin-fleet", "--config", "fleet.yaml", *more, env=env)

    def start_gateway(self, *more, env=None):
        """Ready, and on both buses: what is sent from now on reaches it."""
        process = self.start("gateway", "cantwin-gateway", "--config", "gateway.yaml", *more, env=env)
        process.wait_line("bus can0 is up")
        process.wait_line("bus can1 is up")
        return process

    def start_sim(self, *more):
        return self.start("sim", "cantwin-sim", "--config", "sim.yaml", *more)

    def start_all(self):
        self.start_hub()
        self.start_fleet()
        self.start_gateway()
        self.start_sim()
        self.wait_connected()

    def wait_connected(self):
        wait_for("vehicle connected", lambda: any(v["connected"] for v in get("/api/v1/vehicles")["vehicles"]))

    def gateway_status(self):
        """The gateway's own word over its local socket."""
        return ask_socket(self.path(self.status_socket()), {"get": "status"})

    def status_socket(self):
        for line in open(self.path("gateway.yaml"), encoding="utf-8"):
            if line.startswith("status_socket:"):
                return line.split(":", 1)[1].strip()
        raise Failure("gateway.yaml names no status_socket")


def ask_socket(path, question):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(DEADLINE_S)
        client.connect(path)
        client.sendall(json.dumps(question).encode() + b"\n")
        return json.loads(client.makefile().readline())


def request(method, path, body=None, headers=None):
    """(status, parsed body) of one REST call."""
    data = None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json"} if data is not None else {}
    head.update(headers or {})
    call = urllib.request.Request(FRONT + path, data=data, method=method, headers=head)
    try:
        with urllib.request.urlopen(call, timeout=DEADLINE_S) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, text.decode(errors="replace")


def get(path):
    status, body = request("GET", path)
    if status != 200:
        raise Failure(f"GET {path}: {status} {body}")
    return body


FINAL = {"done", "failed", "refused", "expired", "cancelled", "outcome-unknown", "applied"}


def command(method, path, body):
    """Sends a command and waits for its final state."""
    status, answer = request(method, path, body)
    if status != 202:
        raise Failure(f"{method} {path}: {status} {answer}")
    identity = answer["command_id"]

    def final():
        state = get(f"/api/v1/commands/{identity}")
        return state if state["state"] in FINAL else None
    return wait_for(f"command {identity} final", final)


def finish(results):
    """Exit status of a script from its cases."""
    sys.exit(0 if all(results) else 1)
