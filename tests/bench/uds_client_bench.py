#!/usr/bin/env python3
"""Requests per second and processor time a request of our UDS client against one ECU and against 32 at once, and of udsoncan over
can-isotp against the same ECUs; printed and never judged. The bus is python-can's virtual one, and for us the hub too. Both run
in turn, round by round, and the ratio is the median of the rounds' own: what else the machine does meets both alike.

Runs where 239.0.0.0/8 is routed to the loopback interface (tests/run.sh makes such a network namespace)."""

import json
import logging
import os
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ.get("CANTWIN_BIN", "build/test/bin")
TESTS = os.environ.get("CANTWIN_TEST_BIN", "build/test/tests")
SECONDS = float(os.environ.get("CANTWIN_BENCH_S", "1"))
ROUNDS = int(os.environ.get("CANTWIN_BENCH_ROUNDS", "5"))
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
    """(requests a second, processor time a request in us)"""
    command = [os.path.join(TESTS, "uds_load"), "ask", bus, str(count), did, str(SECONDS)]
    before = processor_time(resource.RUSAGE_CHILDREN)
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    used = processor_time(resource.RUSAGE_CHILDREN) - before
    return told["per_s"], used / max(told["per_s"] * SECONDS, 1) * 1e6


def processor_time(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


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
    begun, before = time.monotonic(), processor_time(resource.RUSAGE_SELF)
    threads = [threading.Thread(target=python_client, args=(i, did, begun + SECONDS, totals)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = processor_time(resource.RUSAGE_SELF) - before
    return sum(totals) / (time.monotonic() - begun), used / max(sum(totals), 1) * 1e6


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
                    rounds = [(ours(on_hub, count, did), ours(f"udp:{GROUP}", count, did), theirs(count, did)) for _ in range(ROUNDS)]
                    rate, cost = ([statistics.median(row[k][part] for row in rounds) for k in range(3)] for part in (0, 1))
                    faster = sorted(row[1][0] / max(row[2][0], 0.1) for row in rounds)
                    cheaper = sorted(row[2][1] / max(row[1][1], 0.1) for row in rounds)
                    print(f"{'ok' if rate[0] > 0 else 'not ok'} uds_client_bench_{did}_{count}_ecus")
                    print(f"# {what}, {count} ECUs: {rate[0]:.0f} requests/s on a hub, {rate[1]:.0f} on python-can's bus; udsoncan "
                          f"{rate[2]:.0f}: {statistics.median(faster):.0f} times ({faster[0]:.0f} to {faster[-1]:.0f})")
                    print(f"# {what}, {count} ECUs: {cost[0]:.1f} us of processor a request on a hub, {cost[1]:.1f} on python-can's "
                          f"bus; udsoncan {cost[2]:.0f}: {statistics.median(cheaper):.0f} times ({cheaper[0]:.0f} to {cheaper[-1]:.0f})",
                          flush=True)
        finally:
            for process in (*servers, hub):
                process.terminate()
                process.wait(20)


if __name__ == "__main__":
    main()
