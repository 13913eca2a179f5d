"""A TCP proxy in a thread, for networks that this machine cannot make: delay, a link of limited rate, stalls as of lost segments,
and partitions, in which nothing gets through and nobody is told."""
import heapq
import random
import selectors
import socket
import threading
import time

CHUNK = 16384
QUEUE_MAX = 1 << 20  # bytes under way in each direction; then the sender waits, as for a full window


class Pipe:
    """One direction of one connection."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.queue = []  # (due, number, bytes)
        self.bytes = 0
        self.due = 0.0


class Proxy:
    def __init__(self, target_port, delay_s=0.0, bytes_per_s=0, stall_chance=0.0, seed=1):
        self.target_port = target_port
        self.delay_s, self.bytes_per_s, self.stall_chance = delay_s, bytes_per_s, stall_chance
        self.partitioned = False
        self.passed = 0
        self.random = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.pipes, self.number, self.running = [], 0, True
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.running = False
        self.thread.join(5)
        for pipe in self.pipes:
            pipe.source.close()
        self.listener.close()

    def _accept(self):
        client, _ = self.listener.accept()
        if self.partitioned:
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.target_port))
        for s in (client, server):
            s.setblocking(False)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((client, server), (server, client)):
            pipe = Pipe(source, sink)
            self.pipes.append(pipe)
            self.selector.register(source, selectors.EVENT_READ, pipe)

    def _end(self, pipe):
        for other in [p for p in self.pipes if p.source in (pipe.source, pipe.sink)]:
            self.pipes.remove(other)
            try:
                self.selector.unregister(other.source)
            except KeyError:
                pass
        pipe.source.close()
        pipe.sink.close()

    def _read(self, pipe, now):
        if pipe.bytes > QUEUE_MAX:
            return
        try:
            data = pipe.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(pipe)
            return
        start = max(now, pipe.due)
        if self.random.random() < self.stall_chance:
            start += 0.2  # a segment lost: what is behind it waits for a retransmission
        pipe.due = start + (len(data) / self.bytes_per_s if self.bytes_per_s else 0)
        self.number += 1
        heapq.heappush(pipe.queue, (pipe.due + self.delay_s, self.number, data))
        pipe.bytes += len(data)

    def _write(self, pipe, now):
        while pipe.queue and pipe.queue[0][0] <= now and not self.partitioned:
            due, number, data = heapq.heappop(pipe.queue)
            try:
                sent = pipe.sink.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._end(pipe)
                return
            pipe.bytes -= sent
            self.passed += sent
            if sent < len(data):
                heapq.heappush(pipe.queue, (due, number, data[sent:]))
                return

    def _run(self):
        while self.running:
            for key, _ in self.selector.select(0.002):
                if key.data is None:
                    self._accept()
                elif key.data in self.pipes:
                    self._read(key.data, time.monotonic())
            for pipe in list(self.pipes):
                if pipe in self.pipes:
                    self._write(pipe, time.monotonic())
