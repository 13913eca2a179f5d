#!/usr/bin/env python3
"""A new vehicle comes in by a token that works once: `cantwin keys token`, `serve`, `enrol`, and the gateway that then connects.

Tokens are taken apart and altered here by their description (cli/enrol_token.c), with a CRC of the test's own; the list is changed
as a file to let time pass.
"""
import base64
import hashlib
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402

PORT = 17655
ENDPOINT = f"tcp://127.0.0.1:{PORT}"
PREFIX = "cantwin-enrol-"
SECRET = slice(41, 73)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def take_apart(token):
    text = token[len(PREFIX):]
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if crc32c(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise Failure("the token's CRC is not one")
    return bytearray(data[:-4])


def put_together(data):
    data = bytes(data) + crc32c(data).to_bytes(4, "little")
    return PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")


class Backend:
    """A folder of keys, and who answers new vehicles."""

    def __init__(self, run, folder="keys"):
        self.run, self.folder, self.process, self.started = run, folder, None, 0

    def start(self, **env):
        self.started += 1
        name = f"serve-{self.folder}-{self.started}"
        self.process = self.run.start(name, "cantwin", "keys", "serve", "--dir", self.folder, "--listen", ENDPOINT, env=env)
        return self

    def token(self, vehicle, *more):
        return self.run.run("cantwin", "keys", "token", "--dir", self.folder, "--vehicle", vehicle, "--endpoint", ENDPOINT,
                            *more).stdout.strip()

    def list(self):
        with open(self.run.path(f"{self.folder}/enrol.txt"), encoding="ascii") as file:
            return [line.split() for line in file if not line.startswith("#")]

    def peers(self, vehicle):
        with open(self.run.path(f"{self.folder}/peers.txt"), encoding="ascii") as file:
            return [line.split()[2] for line in file if line.startswith(f"vehicle {vehicle} ")]


def enrol(run, folder, token, code, says="", wait="30", stdin=None):
    how = ("--token-file", "-") if stdin else ("--token", token)
    done = run.run("cantwin", "keys", "enrol", "--dir", folder, *how, "--wait", wait, check=False, stdin=stdin)
    if done.returncode != code or says not in done.stdout + done.stderr:
        raise Failure(f"enrol: exit {done.returncode}, wanted {code} and '{says}': {done.stdout} {done.stderr}")
    if code != 0 and len(done.stderr.strip().splitlines()) != 1:
        raise Failure(f"enrol: not one line of what is wrong: {done.stderr}")


def public(run, folder, name):
    with open(run.path(f"{folder}/{name}.pub"), encoding="ascii") as file:
        return file.read().strip()


def vehicle_comes_in():
    with stack.Stack() as run:
        run.start_hub()
        run.start_fleet()
        backend = Backend(run).start()
        token = backend.token("truck-7")
        enrol(run, "v", None, 0, "enrolled as truck-7", stdin=token + "\n")
        for name in ("fleet.curve", "director.ed25519", "release.ed25519"):
            if public(run, "v", name) != public(run, "keys", name):
                raise Failure(f"{name}: not the backend's")
        if backend.peers("truck-7") != [public(run, "v", "vehicle-truck-7.curve")]:
            raise Failure(f"peers: {backend.peers('truck-7')}")
        run.start_gateway("--vehicle_id", "truck-7", "--link.key", "v/vehicle-truck-7.curve", "--link.server_key", "v/fleet.curve.pub")
        wait_for("truck-7 connected", lambda: any(v["id"] == "truck-7" and v["connected"] for v in get("/api/v1/vehicles")["vehicles"]))
        if backend.process.stop() != 0:
            raise Failure("serve does not end cleanly")


def token_works_once():
    with stack.Stack() as run:
        backend = Backend(run).start()
        token = backend.token("t1")
        enrol(run, "first", token, 0)
        enrol(run, "second", token, 1, "used already")
        enrol(run, "first", token, 0)  # its answer may have been lost
        backend.process.stop()
        backend.start()  # nor does a restart forget
        enrol(run, "second", token, 1, "used already")
        if backend.peers("t1") != [public(run, "first", "vehicle-t1.curve")]:
            raise Failure(f"peers: {backend.peers('t1')}")
        run.run("cantwin", "keys", "revoke", "--dir", "keys", "--vehicle", "t1")
        enrol(run, "first", token, 1, "not possible")  # a key once taken away is not let in by its token
        if backend.peers("t1"):
            raise Failure("a revoked key came back")


def token_expires():
    with stack.Stack() as run:
        backend = Backend(run).start()
        token = backend.token("t2", "--hours", "1")
        path = run.path("keys/enrol.txt")
        with open(path, encoding="ascii") as file:
            text = file.read()
        expires = int(backend.list()[0][2])
        with open(path, "w", encoding="ascii") as file:  # 59 minutes pass, then 2 more
            file.write(text.replace(str(expires), str(expires - 59 * 60_000)))
        enrol(run, "early", token, 0)
        with open(path, "w", encoding="ascii") as file:
            file.write(text.replace(str(expires), str(expires - 61 * 60_000)))
        enrol(run, "late", token, 1, "expired")
        enrol(run, "early", token, 1, "expired")
        if backend.peers("t2") != [public(run, "early", "vehicle-t2.curve")]:
            raise Failure(f"peers: {backend.peers('t2')}")


def secret_is_kept_nowhere():
    with stack.Stack() as run:
        backend = Backend(run).start()
        token = backend.token("t3")
        secret = bytes(take_apart(token)[SECRET])
        enrol(run, "v", token, 0)
        row = backend.list()[0]
        if row[0] != hashlib.blake2b(secret, digest_size=32).hexdigest() or row[1] != "t3":
            raise Failure(f"the list has {row}")
        if os.stat(run.path("keys/enrol.txt")).st_mode & 0o077:
            raise Failure("others may read the list")
        backend.process.stop()
        forms = (secret, secret.hex().encode(), token.encode())
        for folder, _, names in os.walk(run.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                if any(form in content for form in forms):
                    raise Failure(f"{folder}/{name} has the secret")


def wrong_tokens_are_refused_and_bounded():
    with stack.Stack() as run:
        backend = Backend(run).start()
        good = backend.token("t4")
        data = take_apart(good)
        data[50] ^= 1
        wrong = put_together(data)
        for bad, says in ((good[:-1], "incomplete or altered"), (good.replace("enrol-", "enrol-x"), "incomplete or altered"),
                          (good[:40] + ("A" if good[40] != "A" else "B") + good[41:], "incomplete or altered"), ("hello", "not one")):
            enrol(run, "v", bad, 1, says)
        for _ in range(10):
            enrol(run, "v", wrong, 1, "unknown", wait="3")
        enrol(run, "v", wrong, 1, "too many wrong ones", wait="3")
        enrol(run, "v", good, 1, "too many wrong ones", wait="3")  # nor is any other looked at now
        told = sum("refused key" in line for line in backend.process.lines)
        if told != 10:
            raise Failure(f"{told} lines about wrong tokens")
        enrol(run, "v", good, 0, "enrolled as t4", wait="60")  # by itself, when it is looked at again
        if len(backend.peers("t4")) != 1:
            raise Failure(f"peers: {backend.peers('t4')}")


def only_its_backend_answers():
    """Another one at the same address, with everything but the key, gets no secret and gives no answer."""
    with stack.Stack() as run:
        run.run("cantwin", "keys", "init", "--dir", "other", "--vehicle", "demo")
        token = Backend(run).token("t5")
        other = Backend(run, "other").start()
        enrol(run, "v", token, 3, "no answer", wait="3")
        if os.path.exists(run.path("v/fleet.curve.pub")) or any("refused" in line for line in other.process.lines):
            raise Failure("the other backend was asked or believed")
        other.process.stop()
        Backend(run).start()
        enrol(run, "v", token, 0)
        theirs = other.token("t5")
        other_vehicle = run.path("v")
        Backend(run, "other")
        enrol(run, other_vehicle, theirs, 3, "no answer", wait="3")  # the running one is not the one it names


def killed_between_token_and_key():
    with stack.Stack() as run:
        backend = Backend(run).start(CANTWIN_CRASH_AT="enrol-marked")
        token = backend.token("t6")
        enrol(run, "v", token, 3, "no answer", wait="3")
        if backend.process.wait_killed() != -signal.SIGKILL or backend.peers("t6") or backend.list()[0][3] == "-":
            raise Failure(f"not killed between the two: {backend.list()}, {backend.peers('t6')}")
        backend.start()
        enrol(run, "thief", token, 1, "used already")
        enrol(run, "v", token, 0)
        if backend.peers("t6") != [public(run, "v", "vehicle-t6.curve")]:
            raise Failure(f"peers: {backend.peers('t6')}")


def changes_at_once_are_all_kept():
    """Tokens used while keys are added by hand: the lists are changed by one at a time."""
    with stack.Stack() as run:
        backend = Backend(run).start()
        tokens = [backend.token(f"m{i}") for i in range(6)]
        program = os.path.join(stack.BIN, "cantwin")
        started = []
        for i, token in enumerate(tokens):
            started.append(["keys", "enrol", "--dir", f"v{i}", "--token", token])
            run.run("cantwin", "keys", "pair", "--dir", f"h{i}", "--name", "x")
            started.append(["keys", "add", "--dir", "keys", "--vehicle", f"h{i}", "--key", public(run, f"h{i}", "x.curve")])
            started.append(["keys", "token", "--dir", "keys", "--vehicle", f"n{i}", "--endpoint", ENDPOINT])
        running = [subprocess.Popen([program, *args], cwd=run.folder, stdout=subprocess.DEVNULL) for args in started]
        if any(process.wait(120) != 0 for process in running):
            raise Failure("one of them failed")
        if not all(len(backend.peers(f"{kind}{i}")) == 1 for i in range(6) for kind in "mh"):
            raise Failure("a key is missing")
        if len(backend.list()) != 12 or sum(row[3] != "-" for row in backend.list()) != 6:
            raise Failure(f"the list: {backend.list()}")


def wrong_usage():
    with stack.Stack() as run:
        keys = ("--dir", "keys")
        for args in (("token", *keys), ("token", *keys, "--vehicle", "a"), ("token", *keys, "--vehicle", "a", "--endpoint", "udp://x"),
                     ("token", *keys, "--vehicle", "a b", "--endpoint", ENDPOINT),
                     ("token", *keys, "--vehicle", "a", "--endpoint", ENDPOINT, "--hours", "0"), ("enrol", *keys),
                     ("enrol", *keys, "--token", "x", "--token-file", "y"), ("enrol", *keys, "--token", "x", "--wait", "0"), ("serve",)):
            done = run.run("cantwin", "keys", *args, check=False)
            if done.returncode != 2 or len(done.stderr.strip().splitlines()) != 1:
                raise Failure(f"{args}: exit {done.returncode}, {done.stderr}")
        for args in (("serve", "--dir", "nowhere"), ("serve", *keys, "--listen", "tcp://nonsense"),
                     ("token", "--dir", "nowhere", "--vehicle", "a", "--endpoint", ENDPOINT), ("enrol", *keys, "--token-file", "nowhere")):
            done = run.run("cantwin", "keys", *args, check=False)
            if done.returncode != 3 or len(done.stderr.strip().splitlines()) != 1:
                raise Failure(f"{args}: exit {done.returncode}, {done.stderr}")


CASES = (vehicle_comes_in, token_works_once, token_expires, secret_is_kept_nowhere, wrong_tokens_are_refused_and_bounded,
         only_its_backend_answers, killed_between_token_and_key, changes_at_once_are_all_kept, wrong_usage)

if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    stack.finish([stack.case(f"enrol_{function.__name__}", function) for function in CASES])
