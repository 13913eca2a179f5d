#!/usr/bin/env python3
"""Figures of the link on a recorded drive and under load, printed and never judged.

bytes     bytes on the wire per changed signal, time included, counted by the kernel on the TCP connection (TCP_INFO), so with
          CURVE, ZMTP and everything that is repeated: live (single batches) and after a time without backend (packed); beside
          it the same changes as JSON over MQTT (mosquitto, paho, QoS 1) and as one protobuf message per signal over PUB/SUB
flash     bytes that the gateway gave to the file system meanwhile, as MB an hour
latency   frame on the bus -> subscriber, commit_ms 100 and 1; also with the programs under chrt -f, where that is allowed
ingest    signal values a second that are durable and acknowledged, generator and backend on this machine
fleet     thousands of vehicles connected: seconds, memory, processor time
"""
import json
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))
import stack  # noqa: E402
from stack import Failure, get, wait_for  # noqa: E402

CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(stack.SOURCE, "../shared/corpus"))
LOG = os.path.join(CORPUS, "logs/comma2k19/rav4_2017_first30s.candump.log.zst")
DBC = os.path.join(CORPUS, "dbc/opendbc_generated/toyota_new_mc_pt_generated.dbc")
ENDPOINT = "tcp://127.0.0.1:17601"
LONG = bool(os.environ.get("CANTWIN_LONG"))
VEHICLES = 5000 if LONG else 1000
LOADS = [(20, 1000, ()), (200, 100, ("--plain",))] + (
    [(20, 1000, ("--packed",)), (20, 1000, ("--plain",)), (200, 100, ()), (200, 100, ("--packed",))] if LONG else [])

GATEWAY = """vehicle_id: demo
collection: drive-collection.yaml
policy: drive-policy.yaml
link: {{ endpoint: "tcp://127.0.0.1:17601", server_key: keys/fleet.curve.pub, key: keys/vehicle-demo.curve }}
trust: [{{ role: director, key: keys/director.ed25519.pub }}]
state_dir: state-drive
status_socket: gateway.sock
outbox: {{ quota_mib: 64, commit_ms: {commit_ms} }}
buses:
  - {{ name: can0, port: "unix:can0.sock", dbc: ["{dbc}"], fd: false, transmit: false }}
"""


class Drive(stack.Stack):
    """The recorded drive through hub, gateway and backend; everything that changes leaves the vehicle."""

    def write(self, commit_ms=100):
        with open(self.path("gateway.yaml"), "w", encoding="ascii") as file:
            file.write(GATEWAY.format(dbc=DBC, commit_ms=commit_ms))
        with open(self.path("drive-collection.yaml"), "w", encoding="ascii") as file:
            file.write('signals:\n  - { match: "can0.*", interval_ms: 0, on_change: true, purpose: drive }\n')
        with open(self.path("drive-policy.yaml"), "w", encoding="ascii") as file:
            file.write("transmit: []\nframes: []\nuds: []\ndesired: []\n")

    def start_chain(self, with_fleet):
        self.start("hub", "cantwin", "bus", "serve", "can0.sock", ready=None)
        wait_for("hub socket", lambda: os.path.exists(self.path("can0.sock")))
        if with_fleet:
            self.start_fleet()
        gateway = self.start("gateway", "cantwin-gateway", "--config", "gateway.yaml")
        gateway.wait_line("bus can0 is up")
        if with_fleet:
            self.wait_connected()

    def replay(self):
        """In real time, as times are part of what is measured; the first third unless CANTWIN_LONG."""
        self.run("cantwin", "replay", LOG, "whole.log")
        with open(self.path("whole.log"), encoding="ascii") as whole, open(self.path("drive.log"), "w", encoding="ascii") as part:
            part.writelines(line for number, line in enumerate(whole) if LONG or number < 22000)
        self.run("cantwin", "replay", "drive.log", "unix:can0.sock", "--channel", "can0")

    def start(self, name, program, *args, env=None, ready="ready"):
        return super().start(name, program, *args, env=env, ready=ready)


def wire_bytes():
    """Bytes that the vehicle's end of the link has had acknowledged by the peer's TCP."""
    done = subprocess.run(["ss", "-tinH", "dport", "=", ":17601"], capture_output=True, text=True, check=True)
    return sum(int(word.split(":")[1]) for word in done.stdout.split() if word.startswith("bytes_acked:"))


def samples_home(run):
    status = run.gateway_status()
    lane = status["outbox"]["sample"]
    return status["outbox"]["samples"] > 0 and lane["newest"] == lane["acked"]


def outbox(run):
    return run.gateway_status()["outbox"]


def settled(run):
    """Everything collected is in the outbox and acknowledged."""
    last = [None]

    def still():
        now = outbox(run)
        same = now == last[0] and samples_home(run)
        last[0] = now
        time.sleep(0.6)  # the status is a copy made every half second
        return same
    wait_for("everything acknowledged", still)


def live_bytes():
    with Drive() as run:
        run.write()
        run.start_chain(True)
        base, wire, began = outbox(run), wire_bytes(), time.monotonic()
        run.replay()
        settled(run)
        seconds = time.monotonic() - began
        now, link = outbox(run), run.gateway_status()["link"]
        samples, batches = now["samples"] - base["samples"], now["batches"] - base["batches"]
        written = now["written_bytes"] - base["written_bytes"]
        each = (wire_bytes() - wire) / samples
        print(f"# bytes, live: {samples} changed signals in {batches} batches of {seconds:.0f} s: {each:.2f} on the wire "
              f"each, deliveries alone {link['delivery_bytes'] / samples:.2f}, their records {link['record_bytes'] / samples:.2f}, {link['packed_deliveries']} deliveries packed, {link['dense_deliveries']} dense")
        print(f"# flash: outbox {written / samples:.2f} bytes a value, {written / seconds * 3600 / 1e6:.0f} MB/h handed to the file "
              f"system at {batches / seconds:.1f} commits/s")
    return each


def caught_up_bytes():
    with Drive() as run:
        run.write()
        run.start_chain(False)
        run.replay()
        wait_for("outbox filled", lambda: outbox(run)["samples"] > 0)
        time.sleep(1)  # the last batch's commit
        samples = outbox(run)["samples"]
        run.start_fleet()
        run.wait_connected()
        settled(run)
        link = run.gateway_status()["link"]
        each = wire_bytes() / samples
        print(f"# bytes, catching up: {samples} changed signals: {each:.2f} on the wire each, hello, catalogue and state included; "
              f"deliveries alone {link['delivery_bytes'] / samples:.2f}, their records {link['record_bytes'] / samples:.2f}, {link['packed_deliveries']} deliveries packed, {link['dense_deliveries']} dense, of {link['sent']} envelopes")
    return each


def drive_changes(limit):
    """[(utc s, name, value)]: the drive's changed signals as cantwin decodes them."""
    last, rows = {}, []
    with subprocess.Popen([os.path.join(stack.BIN, "cantwin"), "decode", "--bus", f"can0={DBC}", LOG], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            frame = json.loads(line)
            if frame["bus"] != "can0":
                continue
            for name, signal in frame.get("signals", {}).items():
                full = f"can0.{frame['name']}.{name}"
                if last.get(full) != signal["raw"]:
                    last[full] = signal["raw"]
                    rows.append((frame["t"], full, signal.get("value", 0)))
            if len(rows) >= limit:
                process.terminate()
                break
    return rows


def loopback_bytes():
    with open("/proc/net/dev", encoding="ascii") as file:
        for line in file:
            if line.strip().startswith("lo:"):
                return int(line.split(":")[1].split()[8])
    return 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def mqtt_bytes(rows, folder):
    """JSON over MQTT as it is usually done: a topic per signal, QoS 1, persistent broker, paho client. The subscriber's bytes do
    not count: none is connected."""
    import paho.mqtt.client as mqtt
    port = free_port()
    with open(os.path.join(folder, "mosquitto.conf"), "w", encoding="ascii") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
                   "max_queued_messages 0\nmax_inflight_messages 0\n")
    broker = subprocess.Popen(["mosquitto", "-c", os.path.join(folder, "mosquitto.conf")], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(1000)

        def connected():
            try:
                return client.connect("127.0.0.1", port) == 0
            except OSError:
                return False
        wait_for("broker", connected)
        client.loop_start()
        before, began, cpu = wire_to(port), time.monotonic(), time.process_time()
        last = None
        for t, name, value in rows:
            last = client.publish("vehicles/demo/" + name.replace(".", "/"), json.dumps({"ts": t, "value": value}), qos=1)
        last.wait_for_publish()
        wait_for("all acknowledged", lambda: not client.want_write())
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        each = (wire_to(port) - before) / len(rows)
        client.disconnect()
        client.loop_stop()
    finally:
        broker.terminate()
        broker.wait()
    return each, len(rows) / seconds, cpu / len(rows)


def wire_to(port):
    done = subprocess.run(["ss", "-tinH", "dport", "=", f":{port}"], capture_output=True, text=True, check=True)
    return sum(int(word.split(":")[1]) for word in done.stdout.split() if word.startswith("bytes_acked:"))


def pubsub_bytes(rows):
    """One protobuf message a signal {name, value, time} over CURVE PUB/SUB."""
    import cantwin_pb
    import zmq
    messages = cantwin_pb.load()
    context = zmq.Context()
    server_public, server_secret = zmq.curve_keypair()
    public, secret = zmq.curve_keypair()
    receiver = context.socket(zmq.SUB)
    receiver.curve_server, receiver.curve_secretkey, receiver.rcvhwm = True, server_secret, 0
    receiver.subscribe(b"")
    port = receiver.bind_to_random_port("tcp://127.0.0.1")
    sender = context.socket(zmq.PUB)
    sender.curve_serverkey, sender.curve_publickey, sender.curve_secretkey, sender.sndhwm = server_public, public, secret, 0
    sender.connect(f"tcp://127.0.0.1:{port}")
    while not receiver.poll(20):  # until the subscription has arrived
        sender.send(b"")
    while receiver.poll(100):
        receiver.recv()
    before, began, cpu = wire_to(port), time.monotonic(), time.process_time()
    for t, name, value in rows:
        number = value if isinstance(value, (int, float)) else 0
        sender.send(messages.TwinValue(name=name, value=messages.Value(number=number), utc_ns=int(t * 1e9)).SerializeToString())
    for _ in rows:
        receiver.recv()
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    each = (wire_to(port) - before) / len(rows)
    context.destroy(0)
    return each, len(rows) / seconds, cpu / len(rows)


def beside(rows):
    """The same changes in two other ways; None where a part for it is missing."""
    try:
        import paho.mqtt.client  # noqa: F401
    except ImportError:
        return None
    with stack.Stack() as run:
        return mqtt_bytes(rows, run.folder), pubsub_bytes(rows)


def bytes_per_signal():
    if not os.path.exists(LOG):
        raise Failure(f"no {LOG}")
    live, caught_up = live_bytes(), caught_up_bytes()
    rows = drive_changes(20000)
    others = beside(rows)
    if others is None:
        print("# bytes, beside it: paho-mqtt is missing; vcan-scripts/install.sh test installs it")
        return
    (mqtt, mqtt_rate, mqtt_cpu), (pubsub, pubsub_rate, pubsub_cpu) = others
    print(f"# bytes, beside it: JSON over MQTT {mqtt:.1f} ({mqtt_rate:.0f} values/s, {mqtt_cpu * 1e6:.0f} us of the client's CPU each), "
          f"protobuf a signal over PUB/SUB {pubsub:.1f} ({pubsub_rate:.0f} values/s, {pubsub_cpu * 1e6:.0f} us both ends)")
    print(f"# bytes, ratios: live {live / mqtt:.3f} of MQTT, {live / pubsub:.3f} of PUB/SUB; catching up {caught_up / mqtt:.3f} and "
          f"{caught_up / pubsub:.3f}")


def before_all_others(run):
    """The programs under chrt -f, so that the figure is theirs and not that of a machine's other work."""
    for process in run.processes.values():
        subprocess.run(["chrt", "-f", "-a", "-p", "20", str(process.process.pid)], check=True)


def latency_of(commit_ms, realtime):
    script = os.path.join(stack.SOURCE, "tests/interop/twin_subscriber.py")
    with stack.Stack() as run:
        run.start_hub()
        run.start_fleet()
        run.start_gateway("--outbox.commit_ms", str(commit_ms))
        run.start_sim()
        run.wait_connected()
        if realtime:
            before_all_others(run)
        done = subprocess.run([*(["chrt", "-f", "20"] if realtime else []), sys.executable, script, "--endpoint",
                               "tcp://127.0.0.1:17602", "--server-key", "keys/fleet.curve.pub", "--public", "keys/subscriber.curve.pub",
                               "--secret", "keys/subscriber.curve.key", "--topic", "demo/can0.ENGINE_STATUS", "--count", "600",
                               "--timeout", "100"], cwd=run.folder, capture_output=True, text=True, timeout=120, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    delays = sorted((r["received_utc_ns"] - r["utc_ns"]) / 1e6 for r in rows if not r["snapshot"])
    print(f"# latency, commit_ms {commit_ms}{', realtime' if realtime else ''}: {len(delays)} values, bus to subscriber "
          f"p50 {delays[len(delays) // 2]:.2f} ms, p90 {delays[int(len(delays) * 0.9)]:.2f} ms, p99 {delays[int(len(delays) * 0.99)]:.2f} ms")


def latency():
    realtime = subprocess.run(["chrt", "-f", "20", "true"], capture_output=True, check=False).returncode == 0
    for commit_ms in (100, 1):
        latency_of(commit_ms, False)
        if realtime:
            latency_of(commit_ms, True)


def cpu_of(process):
    fields = open(f"/proc/{process.process.pid}/stat", encoding="ascii").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(process):
    return int(open(f"/proc/{process.process.pid}/status", encoding="ascii").read().split("VmRSS:")[1].split()[0]) / 1024


def load(run, vehicles, *more):
    run.run("cantwin-sim", "--vehicles", str(vehicles), "--keys", "keys", "--enrol")
    return json.loads(run.run("cantwin-sim", "--vehicles", str(vehicles), "--keys", "keys", "--fleet", ENDPOINT, *more).stdout)


def ingest():
    for vehicles, signals, more in LOADS:
        with stack.Stack() as run:
            run.run("cantwin-sim", "--vehicles", str(vehicles), "--keys", "keys", "--enrol")
            fleet = run.start_fleet()
            result = load(run, vehicles, "--rate", "0", "--signals", str(signals), "--duration_s", "2", *more)
            began, cpu = time.monotonic(), cpu_of(fleet)
            status = wait_for("the log applied", lambda: (s := get("/api/v1/status"))["applied_bytes"] == s["log_bytes"] and s, 120)
            behind = time.monotonic() - began
            print(f"# ingest: {vehicles} vehicles, batches of {signals}{' ' + more[0][2:] if more else ''}: {result['values_per_s'] / 1e6:.2f} M "
                  f"values/s durable and acknowledged, applied to twin and history at "
                  f"{status['samples'] / (result['seconds'] + behind) / 1e6:.2f} M/s, {result['sent_bytes'] / result['values_acked']:.2f} "
                  f"bytes a value sent, backend {cpu_of(fleet):.1f} s of CPU (at the end of sending {cpu:.1f}), generator "
                  f"{result['cpu_s']:.1f} s")


def many_vehicles():
    with stack.Stack() as run:
        run.run("cantwin-sim", "--vehicles", str(VEHICLES), "--keys", "keys", "--enrol")
        fleet = run.start_fleet()
        empty = memory_of(fleet)
        result = load(run, VEHICLES, "--rate", "0.5", "--signals", "50", "--duration_s", "10")
        print(f"# fleet: {result['connected']} vehicles connected in {result['connect_s']} s, {result['acked']} batches acknowledged of "
              f"{result['batches']}, ack p50 {result['ack_ms_p50']} ms, p99 {result['ack_ms_p99']} ms; backend {cpu_of(fleet):.1f} s of "
              f"CPU in {result['seconds']:.0f} s, {(memory_of(fleet) - empty) * 1024 / VEHICLES:.0f} KiB a vehicle")
        if result["connected"] != VEHICLES or result["acked"] != result["batches"]:
            raise Failure(str(result))


def main():
    chosen = sys.argv[1:]
    cases = [bytes_per_signal, latency, ingest, many_vehicles]
    stack.finish([stack.case(f"bench_link_{c.__name__}", c) for c in cases if not chosen or c.__name__ in chosen])


if __name__ == "__main__":
    main()
