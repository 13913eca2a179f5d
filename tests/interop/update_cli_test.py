#!/usr/bin/env python3
"""`cantwin update` offline: what it writes is read and verified by Google's protobuf and PyNaCl, and what these sign is accepted.

The set's hash, the signature input, the key ids and the file's form are worked out here from what the documents say.
"""
import hashlib
import os
import stat
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cantwin_pb  # noqa: E402
import nacl.signing  # noqa: E402
import stack  # noqa: E402
from stack import Failure  # noqa: E402

pb = cantwin_pb.load()

SET = """
set: brakes-eu
counter: 7
issued: 2026-12-01
expires: 2099-12-01T12:00:00Z
max_apply_s: 120
rxswin: [R13 0001]
notice: Softer brakes.
targets:
  - { ecu: engine, hardware: [HW-7], software_min: "1.9", security_level: 1, reset: true,
      before: [{ routine: 0x0203, options: "0102" }] }
  - { ecu: gateway }
parameters:
  - { name: gain, ecu: engine, did: 0x0161, type: float32, value: "2.5", min: 0, max: 10 }
  - { name: idle, ecu: engine, did: 0x0160, type: int16, value: "-1600", factor: 0.5, unit: rpm, min: -1000, max: 1000 }
  - { name: map, ecu: engine, address: 0x10000, type: blob, file: map.bin }
  - { name: routes, ecu: gateway, own: routes, type: blob, file: routes.yaml }
preconditions:
  - { path: Vehicle.Speed, min: 0, max: 0, for_ms: 5000 }
"""

# Every field of a release, with a value of which there are others.
FULL = """
set: brakes-eu
counter: 7
issued: 2026-12-01
expires: 2099-12-01
replaces: "11111111111111111111111111111111111111111111111111111111111111aa"
decoder: "22222222222222222222222222222222222222222222222222222222222222aa"
max_apply_s: 120
rxswin: [R13 0001]
notice: Softer.
hold_when_moving: true
rollback_from: 9
targets:
  - { ecu: engine, hardware: [HW-7, HW-8], software_min: "1.9", software_max: "1.12", session: 3, security_level: 1, reset: true,
      before: [{ routine: 0x0203, options: "0102" }], after: [{ routine: 0x0204, options: "03" }] }
  - { ecu: gateway, session: 3 }
parameters:
  - { name: gain, ecu: engine, did: 0x0161, type: float64, value: "2.5", factor: 2, offset: 1, unit: rpm, min: 1, max: 10,
      tolerance: 0.5, expected_old: "0640", little_endian: true }
  - { name: idle, ecu: engine, did: 0x0160, type: int16, value: "-1600", factor: 0.5, unit: rpm, min: -1000, max: 1000 }
  - { name: tag, ecu: engine, did: 0x0162, type: bytes, value: "0102" }
  - { name: twice, ecu: engine, did: 0x0163, type: uint16, value: "257", min: 0, max: 300, tolerance: 5, little_endian: true }  # 0101
  - { name: map, ecu: engine, address: 0x10000, format: 0x44, data_format: 0x10, type: blob, file: map.bin }
  - { name: routes, ecu: gateway, own: routes, type: blob, file: routes.yaml }
preconditions:
  - { path: Vehicle.Speed, min: 0.5, max: 1.5, for_ms: 5000 }
"""


class Shop:
    """A folder with keys, a signed root and a release signed by both release keys."""

    def __init__(self):
        self.kept = tempfile.TemporaryDirectory(prefix="cantwin-update-")
        self.folder = self.kept.name
        for name in ("ra", "rb", "ca", "cb", "dir"):
            self.update("keygen", "--dir", ".", "--name", name)
        self.make_root("root1.ctup", 1, ("ra", "rb"))
        self.sign("root1.ctup", "ra", "rb")
        self.write("map.bin", os.urandom(4096))
        self.write("routes.yaml", b"routes: []\n")
        self.write("set.yaml", SET.encode())
        self.update("create", "--out", "set.ctup", "set.yaml")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def ask(self, *args):
        return subprocess.run([os.path.join(stack.BIN, "cantwin"), "update", *args], cwd=self.folder, capture_output=True,
                              text=True, timeout=60, check=False)

    def update(self, *args, code=0, says=""):
        done = self.ask(*args)
        if done.returncode != code or says not in done.stdout + done.stderr:
            raise Failure(f"update {' '.join(args)}: exit {done.returncode}, wanted {code} and '{says}': {done.stdout}{done.stderr}")
        return done.stdout

    def make_root(self, out, version, roots, *more):
        keys = [word for name in roots for word in ("--root", f"{name}.ed25519.pub")]
        self.update("root", "--out", out, "--version", str(version), "--expires", "2098-01-01", "--thresholds", "2,2", *keys,
                    "--release", "ca.ed25519.pub", "--release", "cb.ed25519.pub", "--director", "dir.ed25519.pub", *more)

    def sign(self, name, *keys):
        for key in keys:
            self.update("sign", "--key", f"{key}.ed25519.key", name)

    def signer(self, name):
        return nacl.signing.SigningKey(bytes.fromhex(self.read(f"{name}.ed25519.key").decode())[:32])


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sections(data):
    if data[:8] != b"CTUP\1\0\0\0":
        raise Failure("not the file's head")
    at, found = 8, []
    while at < len(data):
        kind, length = struct.unpack_from("<BI", data, at)
        found.append((kind, data[at + 5:at + 5 + length]))
        if kind == 255 and struct.unpack("<I", found[-1][1])[0] != crc32c(data[:at]):
            raise Failure("the file's checksum is another")
        at += 5 + length
    return found


def pack(parts):
    data = b"CTUP\1\0\0\0" + b"".join(struct.pack("<BI", kind, len(content)) + content for kind, content in parts if kind != 255)
    return data + struct.pack("<BII", 255, 4, crc32c(data))


def signature_input(domain, payload):
    return domain + b"\0" + struct.pack("<Q", len(payload)) + payload


def key_id(role, key):
    return hashlib.sha256(role + b"\0ed25519\0" + bytes(key.verify_key)).digest()


def files_are_what_the_documents_say(shop):
    shop.sign("set.ctup", "ca", "cb")
    parts = sections(shop.read("set.ctup"))
    if [kind for kind, _ in parts] != [2, 3, 3, 255] or parts[1][1] != shop.read("map.bin"):
        raise Failure(f"sections {[kind for kind, _ in parts]}")
    signed = pb.SignedPayload.FromString(parts[0][1])
    for signature, name in zip(signed.signatures, ("ca", "cb")):
        key = shop.signer(name)
        key.verify_key.verify(signature_input(b"cantwin/release/v1", signed.payload), signature.signature)
        if signature.key_id != key_id(b"release", key):
            raise Failure("another key id")
    release = pb.Release.FromString(signed.payload)
    if release.SerializeToString(deterministic=True) != signed.payload:
        raise Failure("protobuf would write the release otherwise")
    gain, idle, block, routes = release.parameters
    if (gain.number, idle.integer, idle.factor, block.memory.address, block.memory.size) != (2.5, -1600, 0.5, 0x10000, 4096):
        raise Failure(str(release))
    if routes.own != "routes" or routes.blob.sha256 != hashlib.sha256(b"routes: []\n").digest():
        raise Failure(str(routes))


def set_hash_is_the_documented_one(shop):
    block = hashlib.sha256(shop.read("map.bin")).digest()
    own = hashlib.sha256(b"routes: []\n").digest()
    text = b"".join([  # in order of ECU, place, address
        b"engine\0" + struct.pack(">BQI", 3, 0x0160, 2) + struct.pack(">h", -1600),
        b"engine\0" + struct.pack(">BQI", 3, 0x0161, 4) + struct.pack(">f", 2.5),
        b"engine\0" + struct.pack(">BQI", 4, 0x10000, 4096) + block,
        b"gateway\0" + struct.pack(">B", 5) + b"routes\0" + struct.pack(">I", 11) + own])
    shop.update("inspect", "set.ctup", says=hashlib.sha256(text).hexdigest())


def same_input_same_bytes(shop):
    shop.update("create", "--out", "again.ctup", "set.yaml")
    if shop.read("again.ctup") != shop.read("set.ctup"):
        raise Failure("two files of one description differ")


def verify_tells_good_from_bad(shop):
    verify = ("verify", "--root", "root1.ctup", "set.ctup")
    shop.update(*verify, code=1, says="threshold")
    shop.sign("set.ctup", "ca", "ca")  # once is once
    shop.update(*verify, code=1, says="threshold")
    shop.sign("set.ctup", "cb")
    shop.update(*verify, says="good")
    parts = sections(shop.read("set.ctup"))
    bad = [("blob-hash", [parts[0], parts[2], parts[1]]), ("blob-hash", parts[:2])]
    signed = pb.SignedPayload.FromString(parts[0][1])
    signed.payload = signed.payload.replace(b"HW-7", b"HW-8")
    bad.append(("signature", [(2, signed.SerializeToString())] + parts[1:]))
    for says, content in bad:
        shop.write("bad.ctup", pack(content))
        shop.update("verify", "--root", "root1.ctup", "bad.ctup", code=1, says=says)
    damaged = bytearray(shop.read("set.ctup"))
    damaged[len(damaged) // 2] ^= 1
    shop.write("bad.ctup", damaged)
    shop.update("verify", "--root", "root1.ctup", "bad.ctup", code=1, says="damaged")


def what_others_sign_is_accepted(shop):
    parts = sections(shop.read("set.ctup"))
    signed = pb.SignedPayload.FromString(parts[0][1])
    for name in ("cb", "ca"):
        key = shop.signer(name)
        signature = key.sign(signature_input(b"cantwin/release/v1", signed.payload)).signature
        signed.signatures.add(key_id=key_id(b"release", key), signature=signature)
    shop.write("theirs.ctup", pack([(2, signed.SerializeToString())] + parts[1:]))
    shop.update("verify", "--root", "root1.ctup", "theirs.ctup", says="good")
    shop.update("verify", "--root", "theirs.ctup", "theirs.ctup", code=1, says="root")


def roots_follow_each_other(shop):
    shop.sign("set.ctup", "ca", "cb")
    for name in ("rc", "rd"):
        shop.update("keygen", "--dir", ".", "--name", name)
    shop.make_root("root2.ctup", 2, ("rc", "rd"))
    shop.sign("root2.ctup", "rc", "rd")
    chain = ("verify", "--root", "root1.ctup", "--root", "root2.ctup", "set.ctup")
    shop.update(*chain, code=1, says="does not follow")  # signed by the new ones only
    shop.sign("root2.ctup", "ra", "rb")
    shop.update(*chain, says="good")
    shop.make_root("root4.ctup", 4, ("rc", "rd"))
    shop.sign("root4.ctup", "rc", "rd")
    shop.update("verify", "--root", "root1.ctup", "--root", "root2.ctup", "--root", "root4.ctup", "set.ctup", code=1, says="does not follow")


def mistakes_are_told(shop):
    for old, new, says in ((' value: "2.5"', ' value: "25"', "outside 'min' and 'max'"), ('"-1600"', '"99999"', "does not fit its type"),
                           ("file: map.bin", "file: none.bin", "none.bin"), ("issued: 2026-12-01", "issued: tomorrow", "dates"),
                           ("  - { ecu: gateway }\n", "", "needs a target"), ("name: gain", "name: idle", "may"),
                           ("counter: 7", "count: 7", "unknown key 'count'"), (", own: routes", "", "one of 'did'")):
        shop.write("bad.yaml", SET.replace(old, new).encode())
        shop.update("create", "--out", "bad.ctup", "bad.yaml", code=1, says=says)
        if os.path.exists(shop.path("bad.ctup")):
            raise Failure(f"{says}: a file was written")
    shop.update("keygen", "--dir", ".", "--name", "ca", code=1, says="not overwritten")
    shop.update("sign", "--key", "ca.ed25519.pub", "set.ctup", code=3)
    shop.update("sign", "--key", "ca.ed25519.key", "set.yaml", code=1, says="no file of cantwin update")
    shop.update("root", "--out", "r", "--version", "1", "--expires", "2098-01-01", "--thresholds", "2,2", "--root", "ra.ed25519.pub",
                "--release", "ca.ed25519.pub", "--director", "ca.ed25519.pub", code=1, says="no key may have two roles")
    shop.update("frobnicate", code=2)
    if stat.S_IMODE(os.stat(shop.path("ca.ed25519.key")).st_mode) != 0o600:
        raise Failure("a secret key others may read")


def words(shop, name, code=0):
    """What inspect tells, without the set's hash: that would tell two apart where no word does."""
    return "\n".join(line for line in shop.update("inspect", name, code=code).splitlines() if not line.startswith("set "))


def places(message, way=()):
    """The way to each scalar that is set in a message."""
    for field, value in message.ListFields():
        repeated = hasattr(value, "extend")
        for index, one in enumerate(value if repeated else [value]):
            here = way + ((field.name, index if repeated else None),)
            if field.message_type:
                yield from places(one, here)
            else:
                yield here


def others(value, name):
    """Other values of a field, of which some are good ones."""
    if isinstance(value, bytes):
        return [value[:-1] + bytes([value[-1] ^ 1])]
    if isinstance(value, str):
        return [value + "1"]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, float):
        return [value + 0.25, value * (1 + 2**-50)]
    return [value + 2 if name == "security_level" else value + 1, value - 1]


def change(release, way):
    """Copies of a release, each with another value at that place."""
    *before, (name, index) = way
    for number in range(2):
        copy = pb.Release()
        copy.CopyFrom(release)
        parent = copy
        for step, at in before:
            parent = getattr(parent, step) if at is None else getattr(parent, step)[at]
        values = getattr(parent, name)
        choice = others(values if index is None else values[index], name)
        if number < len(choice):
            if index is None:
                setattr(parent, name, choice[number])
            else:
                values[index] = choice[number]
            yield copy


def all_that_is_signed_is_told(shop):
    shop.write("full.yaml", FULL.encode())
    shop.update("create", "--out", "full.ctup", "full.yaml")
    parts = sections(shop.read("full.ctup"))
    release = pb.Release.FromString(pb.SignedPayload.FromString(parts[0][1]).payload)
    said, told = words(shop, "full.ctup"), set()
    for way in places(release):
        name = ".".join(step for step, _ in way)
        for changed in change(release, way):
            payload = pb.SignedPayload(payload=changed.SerializeToString(deterministic=True))
            shop.write("other.ctup", pack([(2, payload.SerializeToString())] + parts[1:]))
            done = shop.ask("inspect", "other.ctup")
            if done.returncode == 0 and words(shop, "other.ctup") == said:
                raise Failure(f"{name} is signed, and another value reads the same")
            if done.returncode == 0:
                told.add(name)
    # The others cannot change alone: an ECU of targets and parameters, a block's size and its blob's, the schema.
    untold = {".".join(step for step, _ in way) for way in places(release)} - told
    if untold != {"schema", "targets.ecu", "parameters.ecu", "parameters.memory.size"}:
        raise Failure(f"never changed to something readable: {sorted(untold)}")
    shop.write("motor.yaml", FULL.replace("ecu: engine", "ecu: motor").encode())
    shop.update("create", "--out", "motor.ctup", "motor.yaml")
    if words(shop, "motor.ctup") != said.replace("engine", "motor"):
        raise Failure("another ECU is not told")


def nothing_told_moves_the_cursor(shop):
    for text in ("a\x1b[2K\x1b[1A", "a\nreplaces    0", "a\rb", "a\u009b2K", "a\u202eb", "a\u2066b", "a\u200bb", "a\u061cb", "a\ufeffb",
                 "a\U000e0041b", 'a" b'):
        written = "".join(f"\\U{ord(c):08x}" for c in text)
        shop.write("evil.yaml", FULL.replace("notice: Softer.", f'notice: "{written}"').encode())
        shop.update("create", "--out", "evil.ctup", "evil.yaml")
        lines = [line for line in words(shop, "evil.ctup").split("\n") if line.startswith("notice")]
        escaped = "".join(c if c.isalnum() or c in "[ " else "".join(f"\\x{byte:02x}" for byte in c.encode()) for c in text)
        if lines != [f'notice      "{escaped}"']:
            raise Failure(f"{text!r} is told as {lines}")
    shop.write("good.yaml", FULL.replace("notice: Softer.", 'notice: "F\u00fcr 5 km"').encode())
    shop.update("create", "--out", "good.ctup", "good.yaml", says='"F\u00fcr 5 km"')


def a_root_is_what_was_asked_for(shop):
    good = {"--version": "3", "--expires": "2098-01-01", "--thresholds": "1,1", "--root": "ra.ed25519.pub", "--release": "ca.ed25519.pub",
            "--director": "dir.ed25519.pub"}
    for option, bad in (("--version", ("3x", "0", "-1", "4294967299", "", " 3")), ("--thresholds", ("4294967297,1", "1,1x", "-1,1", "1", "1, 1", ",")),
                        ("--expires", ("2098-02-31", "2098-13-01", "2098-01-01T00:00:60Z")), ("--reset-director", ("true", "no", "YES", ""))):
        for value in bad:
            words_of = [word for pair in (good | {option: value}).items() for word in pair]
            shop.update("root", "--out", "bad.ctup", *words_of, code=2)
            if os.path.exists(shop.path("bad.ctup")):
                raise Failure(f"{option} {value!r}: a file was written")
    shop.update("root", "--out", "good.ctup", *[word for pair in good.items() for word in pair])
    shop.update("inspect", "good.ctup", says="version 3")


CASES = [files_are_what_the_documents_say, set_hash_is_the_documented_one, same_input_same_bytes, verify_tells_good_from_bad,
         what_others_sign_is_accepted, roots_follow_each_other, mistakes_are_told, all_that_is_signed_is_told,
         nothing_told_moves_the_cursor, a_root_is_what_was_asked_for]

if __name__ == "__main__":
    stack.finish([stack.case(f"update_cli_{case.__name__}", lambda c=case: c(Shop())) for case in CASES])
