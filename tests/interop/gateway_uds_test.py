#!/usr/bin/env python3
"""udsoncan asks the gateway itself: with `diagnostics` in its configuration it tells version, vehicle id, health and DTCs on
a pair of ids, when policy lets the answers leave; without a rule it is silent and says so, without the key it is deaf.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import logging
import pathlib
import subprocess
import sys
import tempfile

from sim_rig import BIN, GROUPS, TIMEOUT, Report, wait_ready

logging.getLogger("udsoncan").setLevel(logging.CRITICAL)
try:
    import can
    import isotp
    import udsoncan
    from udsoncan.client import Client
    from udsoncan.connections import PythonIsoTpConnection
except ImportError as missing:
    print(f"skip gateway_uds: {missing}")
    sys.exit(0)

report = Report()
RULE = "frames:\n  - { bus: can0, id: 0x7EE, extended: false, length_min: 8, length_max: 8, rate: 500, origins: [gateway] }\n"
KEY = "diagnostics: { bus: can0, request_id: 0x7E6, response_id: 0x7EE, functional_id: 0x7DF }\n"


class Raw(udsoncan.DidCodec):
    def decode(self, payload):
        return bytes(payload)

    def __len__(self):
        raise udsoncan.DidCodec.ReadAllRemainingData


CONFIG = dict(udsoncan.configs.default_client_config, data_identifiers={"default": Raw}, request_timeout=5, p2_timeout=3,
              use_server_timing=False)


class Gateway:
    def __init__(self, key, rule):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name)
        (path / "policy.yaml").write_text(f"transmit: [can0]\n{rule}")
        (path / "gateway.yaml").write_text(
            f"vehicle_id: garage-7\nbuses:\n  - {{ name: can0, port: 'unix:{path}/can0.sock', transmit: true }}\n"
            f"policy: policy.yaml\nstate_dir: {path}/state\n{key}")
        self.hub = subprocess.Popen([BIN / "cantwin", "bus", "serve", "can0.sock", "--udp", GROUPS["can0"]], cwd=path,
                                    stderr=subprocess.PIPE)
        wait_ready(self.hub)
        self.process = subprocess.Popen([BIN / "cantwin-gateway", "--config", "gateway.yaml"], cwd=path,
                                        stderr=subprocess.PIPE)
        wait_ready(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.words = self.process.stderr.read().decode()
        self.process.wait(TIMEOUT)
        self.process.stderr.close()
        self.hub.terminate()
        self.hub.wait(TIMEOUT)
        self.hub.stderr.close()
        self.folder.cleanup()


def tester(bus):
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E6, rxid=0x7EE)
    return Client(PythonIsoTpConnection(isotp.CanStack(bus=bus, address=address, params={"tx_padding": 0xAA})), config=CONFIG)


def read(client, did):
    return client.read_data_by_identifier(did).service_data.values[did]


def check_answers():
    with Gateway(KEY, RULE), can.Bus(GROUPS["can0"], interface="udp_multicast", hop_limit=0, fd=True) as bus:
        with tester(bus) as client:
            version = subprocess.run([BIN / "cantwin-gateway", "--version"], capture_output=True, text=True, check=True).stdout
            report.check("version", [] if read(client, 0xF189).decode() in version else f"not in {version!r}")
            report.equal("vehicle_id", read(client, 0x0100), b"garage-7")
            report.equal("buses", read(client, 0x0102), b"\x01\x01")
            report.equal("no_fault", client.get_dtc_by_status_mask(0x01).service_data.dtc_count, 0)
            report.equal("supported_dtcs", [d.id for d in client.get_supported_dtc().service_data.dtcs],
                         [0xC07300, 0xD60100, 0xD60200, 0xD60300])
            client.change_session(3)
            client.clear_dtc(0xFFFFFF)
            report.equal("self_test", client.start_routine(0x0202).service_data.routine_status_record, b"\x00")
            try:
                read(client, 0xF190)
                report.check("vin_is_not_known", "answered")
            except udsoncan.exceptions.NegativeResponseException as error:
                report.equal("vin_is_not_known", error.response.code, 0x31)


def check_silence(name, key, rule):
    with Gateway(key, rule) as gateway, can.Bus(GROUPS["can0"], interface="udp_multicast", hop_limit=0, fd=True) as bus:
        with tester(bus) as client:
            try:
                client.tester_present()
                report.check(name, "answered")
            except udsoncan.exceptions.TimeoutException:
                report.check(name)
    return gateway.words


check_answers()
words = check_silence("silent_without_a_rule", KEY, "")
report.check("says_why_it_is_silent", [] if "may not leave on can0" in words else [words])
check_silence("deaf_without_the_key", "", RULE)
sys.exit(report.failed)
