#!/usr/bin/env python3
"""Requests per second of our UDS client against one ECU and against 32 at once, and of udsoncan over can-isotp against the
same ECUs; printed and never judged. The bus is python-can's virtual one, and for us the hub too.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import json
import logging
import os
import select
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ.get("CANTWIN_BIN", "build/test/bin")
TESTS = os.environ.get("CANTWIN_TEST_BIN", "build/test/tests")
SECONDS = float(os.environ.get("CANTWIN_BENCH_S", "3"))
GROUP = "239.74.163.2"

try:
    import can
    import isotp
    import udsoncan
    from udsoncan.client import Client
    from udsoncan.connections import PythonIsoTpConnection
except ImportError as missing:
    print(f"skip uds_client_bench: {missing}")
    sys.exit(0)


logging.disable(logging.CRITICAL)  # udsoncan tells each timeout


class Raw(udsoncan.DidCodec):
    def decode(self, payload):
        return bytes(payload)

    def __len__(self):
        raise udsoncan.DidCodec.ReadAllRemainingData


def ours(bus, count, did):
    command = [os.path.join(TESTS, "uds_load"), "ask", bus, str(count), did, str(SECONDS)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


def python_client(index, did, end, totals):
    config = dict(udsoncan.configs.default_client_config, data_identifiers={int(did, 16): Raw}, request_timeout=5)
    with can.Bus(interface="udp_multicast", channel=GROUP, hop_limit=0, fd=False,
                 can_filters=[{"can_id": 0x680 + index, "can_mask": 0x7FF}]) as bus:
        address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x600 + index, rxid=0x680 + index)
        stack = isotp.CanStack(bus=bus, address=address, params={"tx_padding": 0xCC})
        with Client(PythonIsoTpConnection(stack), config=config) as client:
            while time.monotonic() < end:
                try:
                    client.read_data_by_identifier(int(did, 16))
                    totals[index] += 1
                except udsoncan.exceptions.TimeoutException:
                    pass


def theirs(count, did):
    totals = [0] * count
    begun = time.monotonic()
    threads = [threading.Thread(target=python_client, args=(i, did, begun + SECONDS, totals)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(totals) / (time.monotonic() - begun)


def serve(folder, bus):
    process = subprocess.Popen([os.path.join(TESTS, "uds_load"), "serve", bus, "32"], cwd=folder, stderr=subprocess.PIPE)
    select.select([process.stderr], [], [], 20)
    return process


def main():
    with tempfile.TemporaryDirectory() as folder:
        hub = subprocess.Popen([os.path.join(BIN, "cantwin"), "bus", "serve", "can0.sock"], cwd=folder, stderr=subprocess.PIPE)
        select.select([hub.stderr], [], [], 20)
        on_hub = f"unix:{folder}/can0.sock"
        servers = [serve(folder, on_hub), serve(folder, f"udp:{GROUP}")]
        try:
            for did, what in (("0200", "2 bytes"), ("F190", "17 bytes, segmented")):
                for count in (1, 32):
                    hub_rate = ours(on_hub, count, did)["per_s"]
                    udp_rate = ours(f"udp:{GROUP}", count, did)["per_s"]
                    python_rate = theirs(count, did)
                    print(f"{'ok' if hub_rate > 0 else 'not ok'} uds_client_bench_{did}_{count}_ecus")
                    print(f"# {what}, {count} ECUs: {hub_rate:.0f} requests/s on a hub, {udp_rate:.0f} on python-can's bus; "
                          f"udsoncan {python_rate:.0f}: {udp_rate / max(python_rate, 0.1):.1f} times", flush=True)
        finally:
            for process in (*servers, hub):
                process.terminate()
                process.wait(20)


if __name__ == "__main__":
    main()
