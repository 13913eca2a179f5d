#!/usr/bin/env python3
"""Testers that are not ours (doipclient with udsoncan, scapy) reach CAN ECUs through the DoIP gateway, plain and over TLS:
the simulated ECUs (classic and CAN FD) and one written here with python-can that says response pending, keeps silent and
remembers what it was asked. What the gateway wrote is dissected by tshark.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

from sim_rig import BIN, GROUPS, TIMEOUT, VIN, Report, Vehicle

try:
    import can
    import udsoncan
    from doipclient import DoIPClient
    from doipclient.connectors import DoIPClientUDSConnector
    from doipclient.messages import RoutingActivationRequest
    from udsoncan.client import Client
except ImportError as missing:
    print(f"skip doip_gateway: {missing}")
    sys.exit(0)

report = Report()
PORT, TLS_PORT, GATEWAY = 13400, 3496, 0x1000
ADDRESSES = {"engine": 0x2010, "gearbox": 0x2011, "body": 0x2014, "foreign": 0x2016}
FUNCTIONAL = 0xE400
CONFIG = """vehicle_id: demo
state_dir: state
status_socket: status.sock
policy: policy.yaml
buses:
  - {{ name: can0, port: "unix:can0.sock", transmit: true }}
  - {{ name: can1, port: "unix:can1.sock", fd: true, transmit: true }}
ecus:
  - {{ name: engine, bus: can0, request_id: 0x7E0, response_id: 0x7E8 }}
  - {{ name: gearbox, bus: can0, request_id: 0x7E1, response_id: 0x7E9 }}
  - {{ name: foreign, bus: can0, request_id: 0x7E6, response_id: 0x7EE }}
  - {{ name: body, bus: can1, request_id: 0x7E4, response_id: 0x7EC, fd: true }}
doip:
  address: 0x1000
  vin: {vin}
  eid: "020000000001"
  sockets: 3
  ecus:
    - {{ ecu: engine, address: 0x2010 }}
    - {{ ecu: gearbox, address: 0x2011 }}
    - {{ ecu: body, address: 0x2014 }}
    - {{ ecu: foreign, address: 0x2016 }}
  functional:
    - {{ address: 0xE400, bus: can0, request_id: 0x7DF }}
  tls: {{ certificate: server.pem, key: server.key, client_ca: ca.pem }}
"""
POLICY = """transmit: [can0, can1]
frames:
  - { bus: can0, id: 0x7E0, mask: 0x7F8, length: 8, rate: 1000, origins: [gateway] }
  - { bus: can0, id: 0x7DF, length: 8, rate: 100, origins: [gateway] }
  - { bus: can1, id: 0x7E4, length_min: 8, length_max: 64, rate: 1000, origins: [gateway] }
uds:
  - { ecu: "*", service: 0x10, rate: 100, origins: [tester, local] }
  - { ecu: "*", service: 0x22, rate: 1000, origins: [tester, local] }
  - { ecu: "*", service: 0x3E, rate: 100, origins: [tester, local] }
  - { ecu: foreign, service: 0x14, release: true, rate: 100, origins: [tester] }
"""


class Raw(udsoncan.DidCodec):
    def encode(self, value):
        return value

    def decode(self, payload):
        return bytes(payload)

    def __len__(self):
        raise udsoncan.DidCodec.ReadAllRemainingData


UDS = dict(udsoncan.configs.default_client_config, request_timeout=10, p2_timeout=3,
           data_identifiers={d: Raw for d in (0xF190, 0xF187, 0xF198, 0xF199, 0x0160)})


class Foreign(threading.Thread):
    """An ECU on 7E6/7EE that answers single frames."""

    def __init__(self):
        super().__init__(daemon=True)
        self.bus = can.Bus(interface="udp_multicast", channel=GROUPS["can0"], hop_limit=0)
        self.seen, self.over = [], False

    def answer(self, *data):
        payload = bytes([len(data), *data]).ljust(8, b"\xAA")
        self.bus.send(can.Message(arbitration_id=0x7EE, is_extended_id=False, data=payload))

    def request(self, data):
        self.seen.append(data)
        if data[0] == 0x22 and data[2] == 0x99:
            for _ in range(3):
                self.answer(0x7F, 0x22, 0x78)
                time.sleep(0.3)
            self.answer(0x62, 0xF1, 0x99, 0x2A)
        elif data[0] == 0x10:
            self.answer(0x50, data[1], 0, 50, 1, 0xF4)
        elif data[0] == 0x14:
            self.answer(0x54)
        elif data[0] == 0x3E and not data[1] & 0x80:
            self.answer(0x7E, 0)

    def run(self):
        while not self.over:
            message = self.bus.recv(0.2)
            if message is not None and message.arbitration_id in (0x7E6, 0x7DF) and message.data[0] < 8:
                self.request(bytes(message.data[1:1 + message.data[0]]))

    def wait_for(self, data):
        deadline = time.monotonic() + TIMEOUT
        while data not in self.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        return data in self.seen


def make_certificates(folder):
    """A CA, the server's and a tester's certificate."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=TIMEOUT)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=workshops", "-days", "2")
    for name in ("server", "tester"):
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", f"{name}.pem", "-days", "2",
                "-CAcreateserial")


def tls_context(folder, with_certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(folder / "ca.pem")
    if with_certificate:
        context.load_cert_chain(folder / "tester.pem", folder / "tester.key")
    return context


def doip(ecu, source=0x0E80, **more):
    return DoIPClient("127.0.0.1", ADDRESSES.get(ecu, FUNCTIONAL), client_logical_address=source, protocol_version=3, **more)


def read(client, did):
    return client.read_data_by_identifier(did).service_data.values[did]


def uds(client):
    return Client(DoIPClientUDSConnector(client), config=UDS)


def exchange(client, request, wait=2):
    """The raw way: sends a UDS request and returns the next diagnostic answer."""
    client.send_diagnostic(bytes(request))
    return bytes(client.receive_diagnostic(timeout=wait))


class Local:
    """A technician on the status socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw", encoding="utf-8")

    def ask(self, **request):
        self.file.write(json.dumps(request) + "\n")
        self.file.flush()
        return json.loads(self.file.readline())

    def uds(self, ecu, request):
        row = self.ask(uds=request, ecu=ecu, tag=7)
        while not row.get("final", "error" in row):
            row = json.loads(self.file.readline())
        return row

    def close(self):
        self.file.close()
        self.socket.close()


# ---------------------------------------------------------------- cases


def discovery():
    address, announcement = DoIPClient.get_entity("127.0.0.1", protocol_version=3)
    report.equal("doip identification_by_doipclient", (announcement.vin, announcement.logical_address,
                 announcement.eid.hex()), (VIN, GATEWAY, "020000000001"))
    report.equal("doip identification_tells_our_address", address[0], "127.0.0.1")
    with doip("engine") as client:
        status = client.request_entity_status()
        report.equal("doip entity_status", (status.node_type, status.max_concurrent_sockets,
                     status.currently_open_sockets, status.max_data_size), (0, 3, 1, 4099))
        report.equal("doip power_mode", client.request_diagnostic_power_mode().diagnostic_power_mode, 1)
        report.equal("doip alive_check_is_tcps", alive_by_udp(), "00000001" "01")


def alive_by_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(TIMEOUT)
        udp.sendto(bytes.fromhex("03fc000700000000"), ("127.0.0.1", PORT))
        return udp.recv(64)[4:].hex()


def reading():
    for ecu, part in (("engine", b"CT-ECM-2041-B"), ("body", b"CT-BCM-3310-D")):
        with doip(ecu) as client, uds(client) as tester:
            report.equal(f"doip reads_the_vin_of_{ecu}", read(tester, 0xF190), VIN.encode())
            report.equal(f"doip reads_the_part_of_{ecu}", read(tester, 0xF187), part)
            report.equal(f"doip reads_the_record_of_{ecu}", len(read(tester, 0x0160)), 60)


def unknown_target():
    with doip("engine") as client:
        try:
            client.send_diagnostic_to_address(0x2099, b"\x3e\x00")
            report.check("doip unknown_target_is_nacked", "accepted")
        except IOError as error:
            report.check("doip unknown_target_is_nacked", [] if "3" in str(error) or "Unknown" in str(error) else str(error))


def pending():
    with doip("foreign") as client:
        answers = [exchange(client, [0x22, 0xF1, 0x99]).hex()]
        while len(answers) < 8 and answers[-1] == "7f2278":
            answers.append(bytes(client.receive_diagnostic(timeout=3)).hex())
        report.equal("doip response_pending_passes_through", answers, ["7f2278"] * 3 + ["62f1992a"])
    with doip("foreign") as client, uds(client) as tester:
        report.equal("doip udsoncan_waits_through_response_pending", read(tester, 0xF199), b"\x2a")


def refused():
    with doip("foreign") as client:
        report.equal("doip clearing_without_release_authority_is_answered_34", exchange(client, [0x14, 0xFF, 0xFF, 0xFF]).hex(),
                     "7f1434")
        report.equal("doip service_without_rule_is_answered_33", exchange(client, [0x31, 1, 2, 3]).hex(), "7f3133")


def over_tls(folder):
    with doip("engine", tcp_port=TLS_PORT, use_secure=tls_context(folder, False)) as client, uds(client) as tester:
        report.equal("doip tls_reads_the_vin", read(tester, 0xF190), VIN.encode())
    with doip("foreign", tcp_port=TLS_PORT, use_secure=tls_context(folder, False)) as client:
        report.equal("doip tls_without_certificate_may_not_clear", exchange(client, [0x14, 0xFF, 0xFF, 0xFF]).hex(), "7f1434")
    with doip("foreign", tcp_port=TLS_PORT, use_secure=tls_context(folder, True), activation_type=0xE0) as client:
        report.equal("doip tls_with_certificate_may_clear", exchange(client, [0x14, 0xFF, 0xFF, 0xFF]).hex(), "54")
    try:
        doip("engine", activation_type=0xE0).close()
        report.check("doip central_security_needs_a_certificate", "activated")
    except ConnectionRefusedError as error:
        report.check("doip central_security_needs_a_certificate", [] if "4" in str(error) else str(error))


def several_testers():
    """Each its own ECU, then all the same one, at the same time."""
    answers = {}

    def work(number, ecu):
        with doip(ecu, source=0x0E80 + number) as client, uds(client) as tester:
            answers[number] = [read(tester, 0xF190) for _ in range(20)]

    for name, ecus in (("their_own_ecus", ("engine", "gearbox", "body")), ("the_same_ecu", ("engine",) * 3)):
        answers.clear()
        threads = [threading.Thread(target=work, args=row) for row in enumerate(ecus)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        report.equal(f"doip three_testers_ask_{name}", answers, {n: [VIN.encode()] * 20 for n in range(3)})


def socket_handler():
    clients = [doip("engine", source=0x0E90 + n) for n in range(3)]
    try:
        doip("engine", source=0x0E99).close()
        report.check("doip tester_takes_the_place_of_those_that_do_not_answer")  # doipclient answers no alive check unasked
    except (ConnectionRefusedError, ConnectionResetError) as error:
        report.check("doip tester_takes_the_place_of_those_that_do_not_answer", str(error))
    for client in clients:
        client.close()


def lost_tester(foreign):
    client = doip("foreign")
    report.equal("doip session_opens", exchange(client, [0x10, 0x03]).hex()[:4], "5003")
    foreign.seen.clear()
    client._tcp_sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, as when power is lost
    client._tcp_sock.close()
    report.check("doip lost_testers_ecu_goes_back_to_its_default_session",
                 [] if foreign.wait_for(b"\x10\x01") else [f"seen: {foreign.seen}"])


def busy(path):
    local = Local(path)
    report.equal("doip laptop_gets_the_lease", local.ask(lease="acquire", ecu="engine", seconds=20)["lease"], "granted")
    report.equal("doip laptop_reads_under_its_lease", local.uds("engine", "22F190")["response"],
                 (b"\x62\xf1\x90" + VIN.encode()).hex())
    with doip("engine") as client:
        report.equal("doip ecu_that_a_laptop_has_is_answered_busy", exchange(client, [0x22, 0xF1, 0x90], 3).hex(), "7f2221")
        local.close()
        time.sleep(0.1)
        report.equal("doip ecu_is_free_when_the_laptop_has_gone", exchange(client, [0x22, 0xF1, 0x90]).hex(),
                     (b"\x62\xf1\x90" + VIN.encode()).hex())
        local = Local(path)
        report.equal("doip session_of_the_tester_keeps_the_ecu", exchange(client, [0x10, 0x03]).hex()[:4], "5003")
        rows = [local.ask(lease="list")] + [json.loads(local.file.readline()) for _ in range(4)]
        owners = {row["ecu"]: row.get("owner") for row in rows if "ecu" in row}
        report.equal("doip list_names_the_tester", owners["engine"], "tester")
        report.equal("doip laptop_is_refused_meanwhile", local.ask(lease="acquire", ecu="engine"),
                     {"error": "somebody else has the ECU"})
        exchange(client, [0x10, 0x01])
        local.close()


def functional(foreign):
    with doip("functional") as client:
        client.send_diagnostic(b"\x3e\x00")
        answers = set()
        while ADDRESSES["foreign"] not in answers and len(answers) < 4:
            message = client.read_doip(timeout=3)
            if type(message).__name__ == "DiagnosticMessage":
                answers.add(message.source_address)
        report.check("doip functional_request_is_answered_by_physical_addresses",
                     [] if ADDRESSES["foreign"] in answers else f"{answers}")
        client.send_diagnostic(b"\x3e\x80")
        report.check("doip functional_reaches_the_bus", [] if foreign.wait_for(b"\x3e\x80") else "not seen")
        try:
            client.send_diagnostic(bytes([0x22] + [0xF1, 0x90] * 6))
            report.check("doip functional_is_a_single_frame", "a long one was accepted")
        except IOError:
            report.check("doip functional_is_a_single_frame")


def by_scapy():
    try:
        from scapy.config import conf
        conf.verb = 0
        from scapy.contrib.automotive.doip import DoIPSocket, DoIP
        from scapy.contrib.automotive.uds import UDS, UDS_RDBI
    except ImportError as missing:
        print(f"skip doip scapy: {missing}")
        return
    scapy_socket = DoIPSocket("127.0.0.1", source_address=0x0E85, target_address=ADDRESSES["engine"])
    answer = scapy_socket.sr1(DoIP(payload_type=0x8001, source_address=0x0E85, target_address=ADDRESSES["engine"]) /
                              UDS() / UDS_RDBI(identifiers=[0xF190]), timeout=5, verbose=False)
    payload = bytes(answer)[12:] if answer is not None else b""
    while answer is not None and answer.payload_type == 0x8002:
        answer = scapy_socket.recv()
        payload = bytes(answer)[12:]
    report.equal("doip scapy_reads_the_vin", payload, b"\x62\xf1\x90" + VIN.encode())
    scapy_socket.close()


def by_tshark(folder):
    """Bytes both ways of one dialogue, as Wireshark dissects them."""
    if shutil.which("tshark") is None or shutil.which("text2pcap") is None:
        print("skip doip tshark: tshark is not installed")
        return
    lines = []
    with socket.create_connection(("127.0.0.1", PORT), TIMEOUT) as tcp:
        tcp.settimeout(2)
        for request, answers in (("03fc0005000000070e800000000000", 1), ("03fc8001000000070e80201022f190", 2),
                                 ("03fc9999000000010e", 1), ("03fc8001000000060e8020993e00", 1)):
            tcp.sendall(bytes.fromhex(request))
            got = b""
            while got.count(b"\x03\xfc") < answers:
                got += tcp.recv(4096)
            lines += ["I " + request, "O " + got.hex()]
    text = "".join(f"{line[0]}\n000000 {' '.join(line[i:i + 2] for i in range(2, len(line), 2))}\n" for line in lines)
    (folder / "doip.txt").write_text(text)
    subprocess.run(["text2pcap", "-q", "-D", "-T", "40000,13400", "doip.txt", "doip.pcap"], cwd=folder, check=True,
                   capture_output=True, timeout=TIMEOUT)
    fields = ["doip.type", "doip.response_code", "doip.nack_code", "doip.diag_ack_code", "doip.diag_nack_code", "uds.sid"]
    out = subprocess.run(["tshark", "-r", "doip.pcap", "-Y", "doip", "-T", "fields", "-E", "aggregator=,", "-E", "separator=;"]
                         + [x for f in fields for x in ("-e", f)], cwd=folder, check=True, capture_output=True, text=True,
                         timeout=60).stdout.splitlines()
    got = [row for row in out]
    types = [t for row in got for t in row.split(";")[0].split(",")]
    report.equal("doip tshark_names_the_types", types, ["0x0005", "0x0006", "0x8001", "0x8002", "0x8001", "0x9999", "0x0000",
                                                        "0x8001", "0x8003"])
    codes = [[c for row in got for c in row.split(";")[column].split(",") if c] for column in (1, 2, 3, 4)]
    report.equal("doip tshark_names_the_codes", codes, [["0x10"], ["0x01"], ["0x00"], ["0x03"]])


def run(vehicle, foreign):
    discovery()
    reading()
    unknown_target()
    pending()
    refused()
    over_tls(vehicle.path)
    several_testers()
    lost_tester(foreign)
    busy(vehicle.path / "status.sock")
    functional(foreign)
    by_scapy()
    by_tshark(vehicle.path)
    socket_handler()


def main():
    with Vehicle(udp=True) as vehicle:
        try:
            foreign = Foreign()
        except can.CanInitializationError as error:
            print(f"skip doip_gateway: no multicast route, as tests/run.sh makes: {error}")
            return 0
        make_certificates(vehicle.path)
        (vehicle.path / "gateway.yaml").write_text(CONFIG.format(vin=VIN), encoding="ascii")
        (vehicle.path / "policy.yaml").write_text(POLICY, encoding="ascii")
        gateway = vehicle.start([BIN / "cantwin-gateway", "--config", "gateway.yaml"])
        threading.Thread(target=gateway.stderr.read, daemon=True).start()
        foreign.start()
        try:
            run(vehicle, foreign)
        finally:
            foreign.over = True
            foreign.join()
            foreign.bus.shutdown()
        gateway.terminate()
        report.equal("doip gateway_ends_cleanly", gateway.wait(TIMEOUT), 0)
    return 1 if report.failed else 0


if __name__ == "__main__":
    assert pathlib.Path(BIN).exists()
    sys.exit(main())
