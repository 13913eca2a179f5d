#!/usr/bin/env python3
"""A backend written only from cantwin.proto (pyzmq, protobuf, PyNaCl) sends the real gateway good and bad commands.

Every bad one must come back refused with its own reason, and no frame of it may reach the bus; the good ones in between
must still work, which shows that the refusals are not a dead link.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import nacl.signing  # noqa: E402
import stack  # noqa: E402
import zmq  # noqa: E402
import zmq.auth.thread  # noqa: E402
from stack import Failure, wait_for  # noqa: E402

generated = tempfile.mkdtemp(prefix="cantwin-proto-")
subprocess.run(["protoc", f"--python_out={generated}", "-I", os.path.join(stack.SOURCE, "proto"), "cantwin.proto"], check=True)
sys.path.insert(0, generated)
import cantwin_pb2 as wire  # noqa: E402

DOMAIN = b"cantwin/command/v1"
LOW_BEAM = "Vehicle.Body.Lights.Beam.Low.IsOn"


def key_id(role, public):
    return hashlib.sha256(role.encode() + b"\0ed25519\0" + public).digest()


def sign(payload, secret, role="director"):
    signature = wire.Signature(key_id=key_id(role, bytes(secret.verify_key)))
    signature.signature = secret.sign(DOMAIN + b"\0" + len(payload).to_bytes(8, "little") + payload).signature
    return signature


class Backend:
    """Accepts one vehicle, acknowledges what it delivers, keeps the command states it reports."""

    def __init__(self, run):
        self.statuses = []
        context = zmq.Context()
        self.auth = zmq.auth.thread.ThreadAuthenticator(context)
        self.auth.start()
        self.auth.configure_curve(domain="*", location=zmq.auth.CURVE_ALLOW_ANY)
        self.socket = context.socket(zmq.ROUTER)
        self.socket.curve_server = True
        self.socket.curve_secretkey = open(run.path("keys/fleet.curve.key"), "rb").read().strip()
        self.socket.curve_publickey = open(run.path("keys/fleet.curve.pub"), "rb").read().strip()
        self.socket.bind("tcp://127.0.0.1:17601")
        self.director = nacl.signing.SigningKey(bytes.fromhex(open(run.path("keys/director.ed25519.key")).read().strip())[:32])
        self.route = None
        self.sequence = 100

    def close(self):
        self.socket.close(0)
        self.auth.stop()

    def send(self, envelope):
        self.socket.send_multipart([self.route, envelope.SerializeToString()])

    def pump(self):
        """Handles everything that came in."""
        while self.socket.poll(20):
            self.route, data = self.socket.recv_multipart()[-2:]
            envelope = wire.Envelope.FromString(data)
            answer = wire.Envelope()
            kind = envelope.WhichOneof("body")
            if kind == "hello":
                answer.hello_ack.version = 1
                answer.hello_ack.window_records = 64
                answer.hello_ack.utc_ns = time.time_ns()
                self.send(answer)
            elif kind == "time_request":
                answer.time_answer.id = envelope.time_request.id
                answer.time_answer.sent_ns = envelope.time_request.sent_ns
                answer.time_answer.utc_ns = time.time_ns()
                self.send(answer)
            elif kind == "delivery":
                newest = 0
                for raw in envelope.delivery.records:
                    record = wire.Record.FromString(raw)
                    newest = max(newest, record.seq)
                    if record.WhichOneof("body") == "command_status":
                        self.statuses.append(record.command_status)
                answer.ack.stream_id = envelope.delivery.stream_id
                position = answer.ack.durable.add()
                setattr(position, "class", getattr(envelope.delivery, "class"))
                position.seq = newest
                self.send(answer)

    def make(self, **changes):
        self.sequence += 1
        command = wire.Command(vehicle_id="demo", command_id=os.urandom(16), seq=self.sequence, ttl_ms=5000)
        now = time.time_ns() // 1000000
        command.issued_utc_ms = now
        command.expires_utc_ms = now + 60000
        command.set_desired.path = LOW_BEAM
        command.set_desired.value.boolean = True
        command.set_desired.revision = self.sequence
        for name, value in changes.items():
            setattr(command, name, value)
        return command

    def deliver(self, payload, signatures):
        envelope = wire.Envelope()
        envelope.command.payload = payload
        envelope.command.signatures.extend(signatures)
        self.send(envelope)

    def last_state(self, count):
        """The final status that arrives behind the first `count` statuses."""
        def final():
            self.pump()
            ends = [s for s in self.statuses[count:] if s.state in (wire.REFUSED, wire.DONE, wire.FAILED, wire.EXPIRED)]
            return ends[-1] if ends else None
        return wait_for("a final command status", final)


def frames_seen(run):
    """BODY_COMMAND frames of the gateway on can1, as the simulator recorded them."""
    import cantools
    identity = cantools.database.load_file(run.path("body.dbc"), strict=False).get_message_by_name("BODY_COMMAND").frame_id
    wanted = f"can1 {identity:03X}#"
    return sum(wanted in line for line in open(run.path("seen.log"), encoding="ascii"))


def refused(backend, run, payload, signatures, reason):
    before = frames_seen(run)
    count = len(backend.statuses)
    backend.deliver(payload, signatures)
    status = backend.last_state(count)
    if status.state != wire.REFUSED or status.reason != reason:
        raise Failure(f"got {wire.CommandState.Name(status.state)}/{wire.CommandReason.Name(status.reason)}, "
                      f"want REFUSED/{wire.CommandReason.Name(reason)}")
    # A good command afterwards is executed; between the two nothing but its own frames went out.
    if reason != wire.REPLAYED and frames_seen(run) != before:
        raise Failure("a refused command sent a frame")


def good(backend, run, value):
    before = frames_seen(run)
    command = backend.make()
    command.set_desired.value.boolean = value
    payload = command.SerializeToString()
    count = len(backend.statuses)
    backend.deliver(payload, [sign(payload, backend.director)])
    status = backend.last_state(count)
    if status.state != wire.DONE:
        raise Failure(f"a good command ended {wire.CommandState.Name(status.state)}/{wire.CommandReason.Name(status.reason)} {status.text}")
    wait_for("its frame on the bus", lambda: frames_seen(run) > before)
    return payload


def read_vin(backend):
    command = backend.make()
    command.diagnostic_request.ecu = "engine"
    command.diagnostic_request.request = bytes.fromhex("22F190")
    payload = command.SerializeToString()
    count = len(backend.statuses)
    backend.deliver(payload, [sign(payload, backend.director)])
    status = backend.last_state(count)
    if status.state != wire.DONE or not status.response.startswith(bytes.fromhex("62F190")) or len(status.response) != 20:
        raise Failure(f"{wire.CommandState.Name(status.state)} {status.response.hex()} {status.text}")


def diagnostic(backend, ecu, request):
    command = backend.make()
    command.diagnostic_request.ecu = ecu
    command.diagnostic_request.request = bytes.fromhex(request)
    return command


def refusals(backend):
    """name -> (payload, signatures, reason)"""
    def signed(command, **more):
        payload = command.SerializeToString() + more.get("extra", b"")
        return payload, [sign(payload, more.get("key", backend.director), more.get("role", "director"))]
    plain = backend.make().SerializeToString()
    stranger = nacl.signing.SigningKey.generate()
    flipped = sign(plain, backend.director)
    flipped.signature = bytes([flipped.signature[0] ^ 1]) + flipped.signature[1:]
    other_domain = wire.Signature(key_id=key_id("director", bytes(backend.director.verify_key)),
                                  signature=backend.director.sign(b"cantwin/param-manifest/v1\0" + len(plain).to_bytes(8, "little") + plain).signature)
    now = time.time_ns() // 1000000
    brake = backend.make()
    brake.set_desired.path = "Vehicle.Chassis.ParkingBrake.IsEngaged"
    out_of_range = backend.make()
    out_of_range.set_desired.value.number = 17.0
    return {
        "unsigned": (plain, [], wire.UNSIGNED),
        "wrongly_signed": (plain, [flipped], wire.BAD_SIGNATURE),
        "signed_in_another_domain": (plain, [other_domain], wire.BAD_SIGNATURE),
        "payload_changed_after_signing": (plain[:-1] + bytes([plain[-1] ^ 1]), [sign(plain, backend.director)], wire.BAD_SIGNATURE),
        "signed_by_a_stranger": (plain, [sign(plain, stranger)], wire.UNKNOWN_KEY),
        "signed_in_another_role": (plain, [sign(plain, backend.director, "release")], wire.UNKNOWN_KEY),
        "for_another_vehicle": (*signed(backend.make(vehicle_id="other")), wire.WRONG_VEHICLE),
        "expired": (*signed(backend.make(issued_utc_ms=now - 120000, expires_utc_ms=now - 60000)), wire.TOO_OLD),
        "sequence_seen_before": (*signed(backend.make(seq=1)), wire.REPLAYED),
        "unknown_field": (*signed(backend.make(), extra=bytes([0xFA, 0x3F, 1, 0])), wire.BAD_FORM),
        "path_nobody_knows": (*signed(brake), None),
        "value_outside_policy": (*signed(out_of_range), wire.POLICY_VALUE),
        "service_outside_policy": (*signed(diagnostic(backend, "engine", "2EF190414243")), wire.POLICY_NO_RULE),
        "ecu_nobody_knows": (*signed(diagnostic(backend, "toaster", "22F190")), wire.UNKNOWN_ECU),
    }


def main():
    results = []
    with stack.Stack() as run:
        backend = Backend(run)
        try:
            run.start_hub()
            run.start_gateway()
            run.start_sim("--record", "seen.log")
            wait_for("hello", lambda: backend.pump() or backend.route)
            results.append(stack.case("hostile_good_command_works", good, backend, run, True))
            for name, (payload, signatures, reason) in refusals(backend).items():
                if reason is None:
                    reason = wire.UNKNOWN_PATH
                results.append(stack.case(f"hostile_{name}_is_refused", refused, backend, run, payload, signatures, reason))
            payload = good(backend, run, False)
            results.append(stack.case("hostile_replayed_command_is_refused", refused, backend, run, payload,
                                      [sign(payload, backend.director)], wire.REPLAYED))
            results.append(stack.case("hostile_good_command_still_works", good, backend, run, True))
            results.append(stack.case("hostile_diagnostic_request_comes_back", read_vin, backend))
            results.append(stack.case("hostile_gateway_stops_cleanly", run.processes["gateway"].stop))
        finally:
            backend.close()
    stack.finish(results)


if __name__ == "__main__":
    main()
