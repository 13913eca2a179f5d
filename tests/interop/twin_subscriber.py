#!/usr/bin/env python3
"""Reads twin changes from the backend with pyzmq and protobuf, written from proto/cantwin.proto alone.

usage: twin_subscriber.py --endpoint tcp://HOST:PORT --server-key FILE --public FILE --secret FILE
                          [--topic demo/] [--count N] [--timeout SECONDS]
Prints one JSON object per received value; exit 0 after N updates, 1 when they do not come in time.
"""

import argparse
import json
import sys
import time

import cantwin_pb


def read_key(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip().encode()


def plain(value):
    kind = value.WhichOneof("kind")
    if kind is None:
        return None
    content = getattr(value, kind)
    return content.hex() if isinstance(content, bytes) else content


def print_update(update, topic, received_utc_ns):
    for item in update.values:
        row = {
            "topic": topic,
            "vehicle": update.vehicle_id,
            "revision": update.revision,
            "branch": update.branch,
            "snapshot": update.snapshot,
            "name": item.name,
            "value": plain(item.value),
            "physical": item.physical,
            "text": item.text,
            "unit": item.unit,
            "quality": item.quality,
            "utc_ns": item.utc_ns,
            "received_utc_ns": received_utc_ns,
        }
        print(json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--server-key", required=True)
    parser.add_argument("--public", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--topic", default="")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=30.0)
    options = parser.parse_args()
    import zmq

    messages = cantwin_pb.load()
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.curve_serverkey = read_key(options.server_key)
    socket.curve_publickey = read_key(options.public)
    socket.curve_secretkey = read_key(options.secret)
    socket.linger = 0
    socket.subscribe(options.topic)
    socket.connect(options.endpoint)
    deadline = time.monotonic() + options.timeout
    received = 0
    while received < options.count:
        left = deadline - time.monotonic()
        if left <= 0 or not socket.poll(int(left * 1000) + 1):
            print(f"twin_subscriber: error: {received} of {options.count} updates in {options.timeout} s", file=sys.stderr)
            return 1
        topic, data = socket.recv_multipart()
        received_utc_ns = time.time_ns()
        update = messages.TwinUpdate.FromString(data)
        print_update(update, topic.decode(), received_utc_ns)
        received += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
