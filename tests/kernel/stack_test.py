#!/usr/bin/env python3
"""The whole chain over kernel interfaces: simulated vehicle -> vcan -> gateway -> fleet, and a command back to the ECU.

The ports of the demo's configuration are replaced by vcan0 and vcan1; candump, which is not ours, must have seen on vcan0
what the diagnostic request brought home. Runs in a kernel with CAN where vcan0 is up (tests/run.sh), as root.
"""
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
import stack  # noqa: E402
from stack import Failure, Stack, command, get, wait_for  # noqa: E402


def use_kernel_interfaces(run):
    for name in ("gateway.yaml", "sim.yaml"):
        with open(run.path(name), encoding="utf-8") as file:
            text = file.read()
        with open(run.path(name), "w", encoding="utf-8") as file:
            file.write(text.replace("unix:can0.sock", "vcan0").replace("unix:can1.sock", "vcan1"))


def speed_is_known():
    """A vehicle is connected before its catalogue is there: then there are no signals."""
    signals = get("/api/v1/vehicles/demo/twin?match=Vehicle.Speed")["signals"]
    return bool(signals) and signals[0]["value"] is not None


def round_trips():
    subprocess.run([os.path.join(stack.SOURCE, "vcan-scripts/vcan-up.sh"), "vcan0", "vcan1"], check=True, capture_output=True)
    with Stack() as run:
        use_kernel_interfaces(run)
        run.start_fleet()
        run.start_gateway()
        seen = open(run.path("seen.log"), "w", encoding="ascii")
        candump = subprocess.Popen(["candump", "-L", "vcan0,7E0:7FF,7E8:7FF"], stdout=seen)
        run.start_sim()
        run.wait_connected()
        wait_for("values at the backend", speed_is_known)
        lamp = command("PUT", "/api/v1/vehicles/demo/desired", {"path": "Vehicle.Body.Lights.Beam.Low.IsOn", "value": True})
        vin = command("POST", "/api/v1/vehicles/demo/diagnostics", {"ecu": "engine", "request": "22F190"})
        if lamp["state"] != "done" or vin["state"] != "done" or not vin["response"].startswith("62f190"):
            raise Failure(f"{lamp} {vin}")
        candump.terminate()
        candump.wait()
        seen.close()
        with open(run.path("seen.log"), encoding="ascii") as log:
            bodies = [line.split()[2] for line in log]
        # ISO 15765-2: the request in a single frame; the answer's first frame of 20 bytes, then two consecutive ones.
        data = "".join(body.split("#")[1][4:] if body.split("#")[1].startswith("1") else body.split("#")[1][2:]
                       for body in bodies if body.startswith("7E8#"))
        if not any(body.startswith("7E0#0322F190") for body in bodies) or not data.lower().startswith(vin["response"].lower()):
            raise Failure(f"candump saw {bodies}")
        status = run.gateway_status()
        if any(bus["lost"] != 0 or bus["decoded"] == 0 for bus in status["buses"]):
            raise Failure(str(status["buses"]))


def lost_frames_are_a_gap_at_the_backend():
    """Facts of the kernel: a socket's queue of 8 MiB holds about 20,000 frames; the gateway is stopped for 40,000."""
    with Stack() as run:
        use_kernel_interfaces(run)
        run.start_fleet()
        gateway = run.start_gateway()
        run.start_sim()
        run.wait_connected()

        def history():
            return get("/api/v1/vehicles/demo/history?signal=Vehicle.Speed")
        wait_for("values at the backend", speed_is_known)
        if any(gap["reason"] == "bus-loss" for gap in history()["gaps"]):
            raise Failure(f"a gap before anything was lost: {history()['gaps']}")
        gateway.freeze()
        with socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as sender:
            sender.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FILTER, b"")
            sender.bind(("vcan0",))
            from_ms = time.time_ns() // 1_000_000
            for _ in range(40000):
                sender.send(struct.pack("=IB3x8x", 0x6FF, 8))
        to_ms = time.time_ns() // 1_000_000
        gateway.signal(signal.SIGCONT)
        gaps = wait_for("the gap in the history", lambda: [g for g in history()["gaps"] if g["reason"] == "bus-loss"])
        # The loss happened between the first frame sent and the last one; the gap covers a part of that, or more.
        if not any(gap["from_utc_ms"] <= to_ms and gap["to_utc_ms"] >= from_ms for gap in gaps):
            raise Failure(f"sent from {from_ms} to {to_ms}: {gaps}")
        lost = run.gateway_status()["buses"][0]["lost"]
        if not 1000 <= lost <= 40000:
            raise Failure(f"{lost} frames lost")
        # The event is stored behind the gap.
        wait_for("the event of the loss", lambda: any("frames were lost" in event["text"]
                                                      for event in get("/api/v1/vehicles/demo/events")["events"]))


CAN_ERR_FLAG, CAN_ERR_BUSOFF, CAN_ERR_RESTARTED = 0x20000000, 0x40, 0x100
IS_NETWORK_OK = "Vehicle.ControlUnit.Central.Health.Network.CAN.IsNetworkOK"


def bus_off_is_an_event_at_the_backend():
    """From the controller's error frame to the fleet: as event and as VSS signal; then six within a minute, as an alarm."""
    def events(name):
        return [event["text"] for event in get("/api/v1/vehicles/demo/events")["events"] if event["name"] == name]

    def network_ok():
        signals = get(f"/api/v1/vehicles/demo/twin?match={IS_NETWORK_OK}")["signals"]
        return signals[0]["value"] if signals else None

    with Stack() as run, socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as controller:
        use_kernel_interfaces(run)
        run.start_fleet()
        run.start_gateway()
        run.wait_connected()
        wait_for("the first event", lambda: events("gateway-started"))
        controller.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FILTER, b"")
        controller.bind(("vcan0",))
        if events("bus-off") or events("bus-state") or network_ok() is not None:
            raise Failure(f"before anything happened: {events('bus-off')} {events('bus-state')} {network_ok()}")

        def tell(kind):
            controller.send(struct.pack("=IB3x8x", CAN_ERR_FLAG | kind, 8))
        tell(CAN_ERR_BUSOFF)
        told = wait_for("the event of the bus-off", lambda: events("bus-off"))
        if len(told) != 1 or "bus can0: controller is bus-off" not in told[0]:
            raise Failure(str(told))
        wait_for("a network that is not well", lambda: network_ok() is False)
        tell(CAN_ERR_RESTARTED)
        told = wait_for("the event of the restart", lambda: events("bus-state"))
        if len(told) != 1 or "bus can0: controller is error-active" not in told[0]:
            raise Failure(str(told))
        wait_for("a network that is well again", lambda: network_ok() is True)
        if events("bus-off-alarm"):
            raise Failure(f"an alarm after one: {events('bus-off-alarm')}")
        for _ in range(6):
            tell(CAN_ERR_BUSOFF)
            tell(CAN_ERR_RESTARTED)
        alarm = wait_for("the alarm", lambda: events("bus-off-alarm"))
        if len(alarm) != 1 or "bus can0: more than 5 bus-offs within a minute" not in alarm[0]:
            raise Failure(str(alarm))


if __name__ == "__main__":
    stack.finish([stack.case("chain_over_vcan_round_trips", round_trips),
                  stack.case("lost_frames_are_a_gap_at_the_backend", lost_frames_are_a_gap_at_the_backend),
                  stack.case("bus_off_is_an_event_at_the_backend", bus_off_is_an_event_at_the_backend)])
