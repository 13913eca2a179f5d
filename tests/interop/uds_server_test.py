#!/usr/bin/env python3
"""udsoncan over can-isotp as a workshop's tester of the simulated ECUs, service by service, and scapy's OBD decoders on
what the engine answers to functional requests. A fault is set in the plant, read as DTC, snapshot and freeze frame,
outlives a restart of the vehicle and is cleared.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import ctypes
import ctypes.util
import logging
import struct
import sys
import time

from sim_rig import GROUPS, VIN, Report, Vehicle

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    import can
    import isotp
    import udsoncan
    from scapy.contrib.automotive.obd.obd import OBD
    from udsoncan.client import Client
    from udsoncan.connections import PythonIsoTpConnection
except ImportError as missing:
    print(f"skip uds_server: {missing}")
    sys.exit(0)

report = Report()
WAIT = 20
ED25519 = bytes.fromhex("06032b6570") + bytes(11)
DEMO_SEED = b"cantwin demo diagnostic key 0001"
LEAN = 0x017100
FREEZE = {0xF404: 1, 0xF405: 1, 0xF40B: 1, 0xF40C: 2, 0xF40D: 1, 0xF40F: 1, 0xF411: 1, 0xF442: 2}


class Bytes(udsoncan.DidCodec):
    def __init__(self, length):
        self.length = length

    def encode(self, value):
        return value

    def decode(self, payload):
        return bytes(payload)

    def __len__(self):
        return self.length


DIDS = {0xF190: 17, 0xF187: 13, 0xF186: 1, 0x0200: 2, 0x0201: 2, 0x0202: 4, 0x0203: 1, 0x0300: 16, 0x0301: 8,
        0xF202: 3, **FREEZE}


def key_of(level, seed, params=None):
    mixed = int.from_bytes(seed, "big") ^ 0x63616E74
    rotated = (mixed << level | mixed >> (32 - level)) & 0xFFFFFFFF
    return ((rotated + 0x7477696E) & 0xFFFFFFFF).to_bytes(4, "big")


CONFIG = dict(udsoncan.configs.default_client_config, data_identifiers={d: Bytes(n) for d, n in DIDS.items()},
              input_output={d: Bytes(1) for d in (0x9B01, 0x9B02, 0x9B03)}, security_algo=key_of, request_timeout=WAIT,
              p2_timeout=5, p2_star_timeout=WAIT, use_server_timing=False, server_address_format=32,
              server_memorysize_format=32)
SETTINGS = {"tx_padding": 0xAA, "rx_flowcontrol_timeout": 5000, "rx_consecutive_frame_timeout": 5000}


def open_bus(name):
    return can.Bus(GROUPS[name], interface="udp_multicast", hop_limit=0, fd=True)


def tester(bus, request_id, response_id, fd=False):
    settings = {**SETTINGS, "can_fd": fd, "tx_data_length": 64 if fd else 8}
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=request_id, rxid=response_id)
    return Client(PythonIsoTpConnection(isotp.CanStack(bus=bus, address=address, params=settings)), config=CONFIG)


def refused(name, nrc, call):
    try:
        call()
        report.check(name, "answered positively")
    except udsoncan.exceptions.NegativeResponseException as error:
        report.equal(name, error.response.code, nrc)


def sign(message):
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    public, secret, signature = (ctypes.create_string_buffer(n) for n in (32, 64, 64))
    sodium.crypto_sign_seed_keypair(public, secret, DEMO_SEED)
    sodium.crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(len(message)), secret)
    return signature.raw


def proved_by_ecu(message, signature):
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    public, secret = (ctypes.create_string_buffer(n) for n in (32, 64))
    sodium.crypto_sign_seed_keypair(public, secret, b"cantwin demo ECU proof key 00001")
    return sodium.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(len(message)), public) == 0


def status_of(client, code):
    for dtc in client.get_dtc_by_status_mask(0xFF).service_data.dtcs:
        if dtc.id == code:
            return dtc.status
    return None


def wait_until(question):
    ends = time.monotonic() + WAIT
    while time.monotonic() < ends:
        if question():
            return True
        time.sleep(0.2)
    return False


def check_sessions_and_security(client):
    report.equal("session_default", client.read_data_by_identifier(0xF186).service_data.values[0xF186], b"\x01")
    refused("security_not_in_default_session", 0x7F, lambda: client.request_seed(1))
    refused("write_not_in_default_session", 0x31, lambda: client.write_data_by_identifier(0x0300, bytes(16)))
    client.change_session(3)
    refused("key_without_seed", 0x24, lambda: client.send_key(2, bytes(4)))
    refused("write_locked", 0x33, lambda: client.write_data_by_identifier(0x0300, bytes(16)))
    client.unlock_security_access(1)
    client.write_data_by_identifier(0x0300, b"udsoncan was her")
    report.equal("write_read_back", client.read_data_by_identifier(0x0300).service_data.values[0x0300],
                 b"udsoncan was her")
    client.change_session(3)
    refused("session_change_locks", 0x33, lambda: client.write_data_by_identifier(0x0300, bytes(16)))


def check_authentication(client):
    refused("secret_unauthenticated", 0x34, lambda: client.read_data_by_identifier(0x0301))
    report.equal("authentication_configuration",
                 client.authentication_configuration().service_data.return_value, 3)
    challenge = client.request_challenge_for_authentication(0, ED25519).service_data.challenge_server
    refused("proof_of_another", 0x58,
            lambda: client.verify_proof_of_ownership_unidirectional(ED25519, sign(b"another challenge")))
    challenge = client.request_challenge_for_authentication(0, ED25519).service_data.challenge_server
    client.verify_proof_of_ownership_unidirectional(ED25519, sign(challenge))
    report.equal("secret_authenticated", client.read_data_by_identifier(0x0301).service_data.values[0x0301], b"twin-key")
    client.deauthenticate()
    challenge = client.request_challenge_for_authentication(0, ED25519).service_data.challenge_server
    ours = bytes(range(32))
    both = client.verify_proof_of_ownership_bidirectional(ED25519, sign(challenge), ours).service_data
    report.equal("ecu_proves_itself", proved_by_ecu(ours + challenge, both.proof_of_ownership_server), True)
    report.equal("secret_authenticated_both_ways",
                 client.read_data_by_identifier(0x0301).service_data.values[0x0301], b"twin-key")
    client.deauthenticate()
    refused("secret_de_authenticated", 0x34, lambda: client.read_data_by_identifier(0x0301))


def check_data(client):
    client.dynamically_define_did(0xF202, udsoncan.DynamicDidDefinition(source_did=0xF190, position=1, memorysize=3))
    report.equal("dynamic_identifier", client.read_data_by_identifier(0xF202).service_data.values[0xF202],
                 VIN[:3].encode())
    client.clear_dynamically_defined_did(0xF202)
    refused("dynamic_identifier_cleared", 0x31, lambda: client.read_data_by_identifier(0xF202))
    where = udsoncan.MemoryLocation(0x10000, 4, 32, 32)
    report.equal("memory_read", len(client.read_memory_by_address(where).service_data.memory_block), 4)
    refused("memory_outside", 0x31, lambda: client.read_memory_by_address(udsoncan.MemoryLocation(0x20000, 4, 32, 32)))
    client.communication_control(3, 1)
    client.communication_control(0, 1)
    client.control_dtc_setting(2)
    client.control_dtc_setting(1)
    refused("link_control_is_not_there", 0x11, lambda: client.link_control(3))
    refused("access_timing_is_withdrawn", 0x11, lambda: client.access_timing_parameter(3))


def check_download(client):
    data = bytes(range(256)) * 2
    where = udsoncan.MemoryLocation(0x10000, len(data), 32, 32)
    client.change_session(2)
    refused("download_locked", 0x33, lambda: client.request_download(where))
    client.unlock_security_access(1)
    refused("block_without_download", 0x24, lambda: client.transfer_data(1, b"x"))
    client.request_download(where)
    for number, at in enumerate(range(0, len(data), 200), 1):
        client.transfer_data(number, data[at:at + 200])
        client.transfer_data(number, data[at:at + 200])
    client.request_transfer_exit()
    report.equal("download_then_read", client.read_memory_by_address(where).service_data.memory_block, data)
    client.request_upload(where)
    report.equal("upload", client.transfer_data(1).service_data.parameter_records, data)
    client.request_transfer_exit()
    client.start_routine(0xFF00)
    report.equal("erased_by_routine", client.read_memory_by_address(where).service_data.memory_block, b"\xff" * 512)
    client.change_session(1)


def check_dtcs(client):
    report.equal("no_fault_yet", client.get_number_of_dtc_by_status_mask(0x08).service_data.dtc_count, 0)
    client.start_routine(0x0300, bytes([0, 1]))
    report.check("fault_sets_its_dtc", [] if wait_until(lambda: (status_of(client, LEAN) or udsoncan.Dtc.Status())
                                                        .confirmed) else "never confirmed")
    status = status_of(client, LEAN)
    report.equal("dtc_status", status.get_byte_as_int() & 0xAF, 0xAF)
    report.equal("supported_dtcs", sorted(d.id for d in client.get_supported_dtc().service_data.dtcs),
                 [LEAN, 0x021700])
    report.equal("first_failed", client.get_first_test_failed_dtc().service_data.dtcs[0].id, LEAN)
    severity = client.get_dtc_severity(LEAN).service_data.dtcs[0]
    report.equal("severity", severity.severity.get_byte_as_int(), 0x40)
    snapshot = client.get_dtc_snapshot_by_dtc_number(LEAN).service_data.dtcs[0].snapshots
    report.equal("snapshot_records", sorted({s.record_number for s in snapshot}), [1, 2])
    report.equal("snapshot_identifiers", {s.did for s in snapshot}, {0x0202, 0x0200, 0x0201, 0x0203, *FREEZE})
    stored = client.get_dtc_snapshot_by_record_number(1).service_data.dtcs
    report.equal("stored_data_record", [(d.id, {s.did for s in d.snapshots}) for d in stored],
                 [(LEAN, {0x0202, 0x0200, 0x0201, 0x0203, *FREEZE})])
    extended = client.get_dtc_extended_data_by_dtc_number(LEAN, record_number=1, data_size=1).service_data.dtcs[0]
    report.equal("extended_data_occurrences", extended.extended_data[0].raw_data, b"\x01")
    refused("snapshot_of_no_dtc", 0x31, lambda: client.get_dtc_snapshot_by_dtc_number(0x123456))


def check_io(client):
    client.change_session(3)
    on = client.io_control(0x9B02, control_param=3, values=[b"\x01"])
    report.equal("lamp_on", on.service_data.decoded_data, b"\x01")
    back = client.io_control(0x9B02, control_param=0)
    report.equal("lamp_returned", back.service_data.decoded_data, b"\x00")
    result = client.start_routine(0x0202).service_data
    report.equal("self_test_takes_its_time", result.routine_status_record, b"\x00")
    report.equal("self_test_result", client.get_routine_result(0x0202).service_data.routine_status_record, b"\x00")
    refused("routine_unknown", 0x31, lambda: client.start_routine(0x9999))


def check_obd(bus, faulty):
    """Functional requests, the engine's answers decoded by scapy."""
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E0, rxid=0x7E8)
    stack = isotp.CanStack(bus=bus, address=address, params=SETTINGS)

    def ask(*request):
        bus.send(can.Message(arbitration_id=0x7DF, is_extended_id=False,
                             data=bytes([len(request), *request]).ljust(8, b"\xCC")))
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            stack.process()
            if stack.available():
                return OBD(stack.recv())
            time.sleep(0.005)
        return None

    answer = ask(0x01, 0x0C, 0x0D, 0x05, 0x42)
    text = answer.show2(dump=True)
    report.equal("obd_four_parameters", len(answer.data_records), 4)
    voltage = [float(line.split("=")[1].split()[0]) for line in text.splitlines() if " data " in f" {line} " and "V" in line]
    report.check("obd_voltage", [] if voltage and 12 < voltage[-1] < 15 else f"{voltage}, {text}")
    vin = bytes(ask(0x09, 0x02))
    report.equal("obd_vin", vin, b"\x49\x02\x01" + VIN.encode())
    report.equal("obd_calibration_by_scapy", b"CT-CAL-2041-0001" in bytes(ask(0x09, 0x04)), True)
    dtcs = ask(0x03)
    report.equal("obd_stored_dtcs", bytes(dtcs), b"\x43\x01\x01\x71" if faulty else b"\x43\x00")
    report.equal("obd_dtcs_by_scapy", dtcs.count, 1 if faulty else 0)
    ready = ask(0x01, 0x01)
    report.equal("obd_mil", bytes(ready)[2] >> 7, 1 if faulty else 0)
    frame = ask(0x02, 0x0C, 0x00)
    report.equal("obd_freeze_frame", frame is not None, faulty)
    report.equal("obd_unsupported_is_silent", ask(0x01, 0x14), None)


with Vehicle(udp=True, sim=("--parked", "--state_dir", "ecus")) as vehicle:
    with open_bus("can0") as bus, tester(bus, 0x7E0, 0x7E8) as engine:
        check_sessions_and_security(engine)
        check_authentication(engine)
        check_data(engine)
        check_download(engine)
        check_dtcs(engine)
    with open_bus("can0") as bus:
        check_obd(bus, True)
    with open_bus("can1") as bus, tester(bus, 0x7E4, 0x7EC, fd=True) as body:
        check_io(body)
    vehicle.restart_sim()
    with open_bus("can0") as bus, tester(bus, 0x7E0, 0x7E8) as engine:
        status = status_of(engine, LEAN)
        report.equal("fault_survives_a_restart", status is not None and status.confirmed, True)
        report.equal("mark_survives_a_restart", engine.read_data_by_identifier(0x0300).service_data.values[0x0300],
                     b"udsoncan was her")
        refused("clear_unknown_group", 0x31, lambda: engine.clear_dtc(0x123456))
        engine.clear_dtc(0xFFFFFF)
        report.equal("cleared", engine.get_number_of_dtc_by_status_mask(0x08).service_data.dtc_count, 0)
        engine.ecu_reset(1)
        report.equal("reset", engine.read_data_by_identifier(0xF186).service_data.values[0xF186], b"\x01")
sys.exit(report.failed)
