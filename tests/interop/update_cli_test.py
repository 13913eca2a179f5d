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


class Shop:
    """A folder with keys, a signed root and a release signed by both release keys."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cantwin-update-")
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

    def update(self, *args, code=0, says=""):
        done = subprocess.run([os.path.join(stack.BIN, "cantwin"), "update", *args], cwd=self.folder, capture_output=True,
                              text=True, timeout=60, check=False)
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


CASES = [files_are_what_the_documents_say, set_hash_is_the_documented_one, same_input_same_bytes, verify_tells_good_from_bad,
         what_others_sign_is_accepted, roots_follow_each_other, mistakes_are_told]

if __name__ == "__main__":
    stack.finish([stack.case(f"update_cli_{case.__name__}", lambda c=case: c(Shop())) for case in CASES])
