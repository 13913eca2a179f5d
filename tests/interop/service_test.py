#!/usr/bin/env python3
"""The services as a service manager sees them: what the daemons tell by sd_notify(3), what a hung thread does to the watchdog, and
that at work they and the enrolment make no system call that their units refuse.
"""
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import BIN, SOURCE, Failure, command, wait_for  # noqa: E402

WATCHDOG_S = 2
STATES = ("READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1")


class Manager:
    """The service manager's end: a datagram socket that keeps what it is told."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(folder, "notify"))
        self.socket.setblocking(False)
        self.told = []
        self.env = {"NOTIFY_SOCKET": os.path.join(folder, "notify"), "WATCHDOG_USEC": str(WATCHDOG_S * 1000000)}

    def heard(self):
        while True:
            try:
                self.told += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.told

    def wait(self, states):
        """Until `states` were told in this order, alive left out."""
        def said():
            return [line for line in self.heard() if line in STATES and line != "WATCHDOG=1"][:len(states)] == states
        wait_for(f"{states} (told: {self.told})", said)

    def wait_alive(self, more):
        begin = self.heard().count("WATCHDOG=1")
        wait_for("the watchdog", lambda: self.heard().count("WATCHDOG=1") >= begin + more)


def tells_its_states(start):
    with stack.Stack() as run:
        manager = Manager(run.folder)
        run.start_hub()
        process = start(run, manager.env)
        manager.wait(["READY=1"])
        manager.wait_alive(3)
        process.signal(signal.SIGHUP)
        manager.wait(["READY=1", "RELOADING=1", "READY=1"])
        process.signal(signal.SIGTERM)
        manager.wait(["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"])


class Held:
    """One thread of another process, held where it is at work: at the entry of its next system call after epoll_wait."""

    ATTACH, DETACH, SYSCALL, PEEKUSER = 16, 17, 24, 3
    EPOLL_WAIT, EPOLL_PWAIT, ORIG_RAX = 232, 281, 15 * 8

    def __init__(self, tid):
        self.tid = tid
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long] * 4
        self.libc.ptrace.restype = ctypes.c_long

    def call(self, request, argument=0, data=0):
        ctypes.set_errno(0)
        value = self.libc.ptrace(request, self.tid, argument, data)
        if value == -1 and ctypes.get_errno():
            raise Failure(f"ptrace {request}: {os.strerror(ctypes.get_errno())}")
        return value

    def wait(self):
        os.waitpid(self.tid, 0x40000000)  # __WALL

    def __enter__(self):
        self.call(self.ATTACH)
        self.wait()
        self.step()
        for _ in range(100000):
            self.step()
            if self.call(self.PEEKUSER, self.ORIG_RAX) not in (self.EPOLL_WAIT, self.EPOLL_PWAIT):
                return self
        raise Failure("the thread does nothing but wait")

    def step(self):
        self.call(self.SYSCALL)
        self.wait()

    def __exit__(self, *_):
        self.call(self.DETACH)


def thread_of(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as comm:
            if comm.read().strip() == name:
                return int(tid)
    raise Failure(f"no thread {name}")


def hung_thread_is_named(name):
    with stack.Stack() as run:
        manager = Manager(run.folder)
        run.start_hub()
        process = run.start_gateway(env=manager.env)
        run.start_sim()
        manager.wait_alive(1)
        with Held(thread_of(process.process.pid, name)):
            process.wait_line(f"the thread {name} does not come back")
            process.wait_line(f"the thread {name} does not come back")
            before = manager.heard().count("WATCHDOG=1")
            # A whole interval of systemd's without a sign of life: four turns, each of which says so.
            for _ in range(4):
                count = sum("does not come back" in line for line in process.lines)
                wait_for("another turn", lambda seen=count: sum("does not come back" in line for line in process.lines) > seen)
            if manager.heard().count("WATCHDOG=1") != before:
                raise Failure("told to be alive while a thread hangs")
        manager.wait_alive(2)


def allowed_calls(unit):
    """Names of the system calls that the unit's filters leave."""
    def expand(name):
        if not name.startswith("@"):
            return {name}
        text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True,
                              check=True).stdout
        rows = [row.strip() for row in text.splitlines()[1:]]
        return set().union(*(expand(row) for row in rows if row and not row.startswith("#")))
    calls = set()
    with open(os.path.join(SOURCE, "packaging/systemd", unit), encoding="ascii") as file:
        for names in re.findall(r"^SystemCallFilter=(.*)", file.read(), re.M):
            sets = set().union(*(expand(name) for name in names.lstrip("~").split()))
            calls = calls - sets if names.startswith("~") else calls | sets
    # SQLite gives its files to their owner when it runs as root, as this test may, and only then (robustFchown).
    return calls | {"execve", "exit", "exit_group", "rt_sigreturn", "fchown"}


def made_calls(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z0-9_]+)(?:\(| resumed)", file.read(), re.M))


def makes_no_refused_call():
    """The whole chain at work, a command, a reload and a stop, both daemons under strace."""
    with stack.Stack() as run:
        run.start_hub()
        strace = ["-f", "-qq", "--signal=none", "-o"]
        tools = shutil.which("strace")
        fleet = run.start("fleet", tools, *strace, "fleet.calls", os.path.join(BIN, "cantwin-fleet"), "--config", "fleet.yaml")
        gateway = run.start("gateway", tools, *strace, "gateway.calls", os.path.join(BIN, "cantwin-gateway"), "--config",
                            "gateway.yaml")
        run.start_sim()
        run.wait_connected()
        state = command("POST", "/api/v1/vehicles/demo/diagnostics", {"ecu": "engine", "request": "22F190"})
        if state["state"] not in stack.FINAL:
            raise Failure(f"the command ended as {state}")
        children = {name: subprocess.run(["pgrep", "-P", str(process.process.pid)], capture_output=True, text=True,
                                         check=True).stdout.split()[0] for name, process in (("f", fleet), ("g", gateway))}
        for child in children.values():
            os.kill(int(child), signal.SIGHUP)
        gateway.wait_line("configuration reloaded")
        for child in children.values():
            os.kill(int(child), signal.SIGTERM)
        for process in (gateway, fleet):
            process.process.wait(stack.DEADLINE_S)
        for name in ("gateway", "fleet"):
            made = made_calls(run.path(f"{name}.calls"))
            if not {"openat", "clone3", "fdatasync"} <= made:
                raise Failure(f"{name}: the trace is not whole: {sorted(made)}")
            refused = made - allowed_calls(f"cantwin-{name}.service.in")
            if refused:
                raise Failure(f"cantwin-{name}.service refuses what it does: {sorted(refused)}")


def enrolment_makes_no_refused_call():
    """A vehicle let in by a token, another one refused, and a stop."""
    with stack.Stack() as run:
        serve = run.start("serve", shutil.which("strace"), "-f", "-qq", "--signal=none", "-o", "enrol.calls", os.path.join(BIN, "cantwin"),
                          "keys", "serve", "--dir", "keys", "--listen", "tcp://127.0.0.1:17656")
        token = run.run("cantwin", "keys", "token", "--dir", "keys", "--vehicle", "truck-7", "--endpoint",
                        "tcp://127.0.0.1:17656").stdout.strip()
        run.run("cantwin", "keys", "enrol", "--dir", "v", "--token", token)
        if run.run("cantwin", "keys", "enrol", "--dir", "w", "--token", token, check=False).returncode != 1:
            raise Failure("a used token lets another vehicle in")
        child = subprocess.run(["pgrep", "-P", str(serve.process.pid)], capture_output=True, text=True, check=True).stdout.split()[0]
        os.kill(int(child), signal.SIGTERM)
        serve.process.wait(stack.DEADLINE_S)
        made = made_calls(run.path("enrol.calls"))
        if not {"openat", "clone3", "fsync", "rename"} <= made:
            raise Failure(f"the trace is not whole: {sorted(made)}")
        refused = made - allowed_calls("cantwin-enrol.service.in")
        if refused:
            raise Failure(f"cantwin-enrol.service refuses what it does: {sorted(refused)}")


results = [
    stack.case("service_gateway_tells_its_states", tells_its_states, lambda run, env: run.start_gateway(env=env)),
    stack.case("service_fleet_tells_its_states", tells_its_states, lambda run, env: run.start_fleet(env=env)),
]
if os.uname().machine == "x86_64":
    results += [stack.case(f"service_hung_thread_{name}", hung_thread_is_named, name) for name in ("bus", "storage", "link")]
else:
    print("skip service_hung_thread: holds threads by registers of x86-64")
if shutil.which("strace") and shutil.which("systemd-analyze"):
    results.append(stack.case("service_makes_no_refused_call", makes_no_refused_call))
    results.append(stack.case("service_enrolment_makes_no_refused_call", enrolment_makes_no_refused_call))
else:
    print("skip service_makes_no_refused_call: no strace or no systemd-analyze")
stack.finish(results)
