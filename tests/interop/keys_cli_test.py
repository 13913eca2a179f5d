#!/usr/bin/env python3
"""`cantwin keys` and the command line of `cantwin-sim --vehicles`: what they write, refuse and say; a running backend follows.

Keys are checked against libzmq's own (pyzmq makes a public key from a secret one), not against what cantwin says of them.
"""
import os
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
import zmq  # noqa: E402
from stack import Failure  # noqa: E402


def cantwin(program, *args, code=0, says=""):
    done = subprocess.run([os.path.join(stack.BIN, program), *args], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != code:
        raise Failure(f"{program} {' '.join(args)}: exit {done.returncode}, wanted {code}: {done.stderr.strip()}")
    if says not in done.stdout + done.stderr:
        raise Failure(f"{program} {' '.join(args)}: does not say '{says}': {done.stdout} {done.stderr}")
    if code != 0 and len(done.stderr.strip().splitlines()) != 1:
        raise Failure(f"{program} {' '.join(args)}: not one line of what is wrong: {done.stderr}")
    return done.stdout


def keys(*args, **more):
    return cantwin("cantwin", "keys", *args, **more)


def read(folder, name):
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return file.read()


def pair_is_a_pair(folder):
    out = keys("pair", "--dir", f"{folder}/v", "--name", "vehicle-t7")
    public, secret = read(folder, "v/vehicle-t7.curve.pub").strip(), read(folder, "v/vehicle-t7.curve.key").strip()
    if zmq.curve_public(secret.encode()).decode() != public or f"public key: {public}\n" not in out:
        raise Failure("the two halves do not belong together")
    mode = stat.S_IMODE(os.stat(f"{folder}/v/vehicle-t7.curve.key").st_mode)
    if mode != 0o600:
        raise Failure(f"the secret key has mode {mode:o}")
    keys("pair", "--dir", f"{folder}/v", "--name", "vehicle-t7", says="kept")
    if read(folder, "v/vehicle-t7.curve.key").strip() != secret:
        raise Failure("a key was overwritten")


def new_key():
    return zmq.curve_keypair()[0].decode()


def peers(folder):
    return read(folder, "k/peers.txt")


def add_revoke_list(folder):
    keys("init", "--dir", f"{folder}/k", "--vehicle", "demo")
    k = ("--dir", f"{folder}/k")
    with open(f"{folder}/k/peers.txt", "a", encoding="ascii") as file:
        file.write("# a word of the operator's own")  # no newline at the end
    old, renewed = new_key(), new_key()
    keys("add", *k, "--vehicle", "t7", "--key", old, says="added vehicle t7")
    keys("add", *k, "--vehicle", "t7", "--key", old, says="kept")
    keys("add", *k, "--vehicle", "t7", "--key", renewed, says="added")
    keys("add", *k, "--vehicle", "t8", "--key", old, code=1, says="the same key")
    keys("add", *k, "--subscriber", "map", "--key", new_key(), "--topics", "t7/ t8/", says="added subscriber map")
    before = peers(folder)
    for bad in ("short", renewed[:-1] + "~"):
        keys("add", *k, "--vehicle", "t9", "--key", bad, code=1, says="Z85")
    keys("add", *k, "--vehicle", "a b", "--key", new_key(), code=1)
    if peers(folder) != before or "# a word of the operator's own\n" not in before:
        raise Failure("a refused change was written, or a comment is gone")
    keys("revoke", *k, "--vehicle", "t7", "--key", old, says="revoked 1 key")
    listed = keys("list", *k).splitlines()
    if f"vehicle    {renewed} t7" not in listed or f"revoked    {old} t7 (vehicle)" not in listed:
        raise Failure(f"listed: {listed}")
    keys("add", *k, "--vehicle", "t7", "--key", old, code=1, says="was revoked")
    keys("revoke", *k, "--vehicle", "t7", "--key", old, code=1, says="no such line")
    keys("revoke", *k, "--vehicle", "t7", says="revoked 1 key")
    keys("revoke", *k, "--subscriber", "demo", code=1, says="no such line")
    if "\nvehicle t7" in peers(folder) or "\nvehicle demo" not in peers(folder):
        raise Failure(peers(folder))


def wrong_usage(folder):
    k = ("--dir", f"{folder}/k")
    for args in (("add", *k, "--key", new_key()), ("add", *k, "--vehicle", "a", "--subscriber", "b", "--key", new_key()),
                 ("add", *k, "--vehicle", "a"), ("revoke", *k), ("pair", *k), ("pair", *k, "--name", "a/b"), ("list",), ("melt", *k),
                 ("list", *k, "--nonsense", "x"), ("list", "--dir")):
        keys(*args, code=2)
    keys("list", "--dir", f"{folder}/nowhere", code=3, says="peers.txt")


def fleet_simulator_usage(folder):
    sim = ("cantwin-sim", "--vehicles", "3", "--keys", f"{folder}/k")
    cantwin(*sim, code=2, says="--fleet")
    cantwin("cantwin-sim", "--vehicles", "3", code=2, says="--keys")
    for bad in (("--rate", "-1"), ("--rate", "x"), ("--signals", "5000"), ("--signals", "0"), ("--vehicles", "0"), ("--name", "A b"),
                ("--nonsense",), ("--rate",), ("--duration_s", "nan")):
        cantwin(*sim, "--fleet", "tcp://127.0.0.1:1", *bad, code=2)
    cantwin(*sim, "--fleet", "tcp://127.0.0.1:1", code=3, says="--enrol")
    cantwin(*sim, "--enrol")
    mode = stat.S_IMODE(os.stat(f"{folder}/k/load.vehicles.key").st_mode)
    rows = [line.split() for line in read(folder, "k/load.vehicles.key").splitlines()]
    lines = peers(folder)
    if mode != 0o600 or len(rows) != 3:
        raise Failure(f"mode {mode:o}, {len(rows)} keys")
    for name, public, secret in rows:
        if zmq.curve_public(secret.encode()).decode() != public or lines.count(f"vehicle {name} {public}\n") != 1:
            raise Failure(f"{name}: not a pair, or not in peers.txt once")
    cantwin("cantwin-sim", "--vehicles", "5", "--keys", f"{folder}/k", "--enrol")
    if read(folder, "k/load.vehicles.key").splitlines()[:3] != [" ".join(row) for row in rows] or peers(folder).count("vehicle load-") != 5:
        raise Failure("enrolling more changed the first, or did not add two")


def main():
    with tempfile.TemporaryDirectory(prefix="cantwin-keys-") as folder:
        stack.finish([stack.case(f"keys_{function.__name__}", function, folder)
                      for function in (pair_is_a_pair, add_revoke_list, wrong_usage, fleet_simulator_usage)])


if __name__ == "__main__":
    main()
