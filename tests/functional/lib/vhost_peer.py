# SPDX-License-Identifier: Apache-2.0
"""Drives tests/tools/vhost_peer: small vhost-user front ends, the guests' side of the switch.

    with VhostPeer() as peer:
        red = peer.add(path, features=SPLIT + CHECKSUM)  # listens: the switch connects
        red.wait_ready()
        red.send(packet, header(flags=NEEDS_CSUM, csum_start=34, csum_offset=16))
        frame = blue.receive()  # .packet, .header, .data

All waiting is bounded; an answer with an error raises PeerError.
"""
import collections
import json
import os
import select
import struct
import subprocess
import time

from lib import settings
from scapy.layers.l2 import Ether

TOOL = settings.BUILD / "tests" / "tools" / "vhost_peer" / "vhost_peer"
TIMEOUT = 10.0

MODERN = ("version_1", "protocol_features")
SPLIT = (*MODERN, "mq")
PACKED = (*MODERN, "mq", "packed")
MERGE = ("mrg_rxbuf",)
RINGS = ("indirect", "event_idx")
RX_OFFLOADS = ("guest_csum", "guest_tso4", "guest_tso6")  # the guest takes such frames
TX_OFFLOADS = ("csum", "host_tso4", "host_tso6")  # the switch takes such frames
OFFLOADS = RX_OFFLOADS + TX_OFFLOADS

NEEDS_CSUM, DATA_VALID = 1, 2
GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, GSO_ECN = 0, 1, 4, 5, 0x80

GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE = 1, 2, 3, 4, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 12, 13, 14
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE = 15, 16, 17, 18
NET_SET_MTU = 20
NEED_REPLY = 1 << 3

Header = collections.namedtuple(
    "Header", "flags gso_type hdr_len gso_size csum_start csum_offset num_buffers"
)
Header.__new__.__defaults__ = (0,) * 7


class PeerError(Exception):
    """The tool refused a command."""


class Received:
    """A frame that a guest got."""

    def __init__(self, event):
        self.data = bytes.fromhex(event["data"])
        self.header = Header(**event["header"])
        self.queue = event["queue"]
        self.packet = Ether(self.data)

    def __repr__(self):
        return f"{self.header} {self.packet!r}"


def message(request, payload=b"", flags=1, size=None):
    """The bytes of one vhost-user message; size: what its header claims."""
    return struct.pack("=III", request, flags, len(payload) if size is None else size) + payload


class GuestPort:
    """One front end. queue arguments are queue pairs."""

    def __init__(self, peer, number, path):
        self.peer, self.number, self.path = peer, number, str(path)
        self.received = collections.deque()
        self.events = collections.deque()

    def call(self, cmd, **arguments):
        return self.peer.call(cmd, port=self.number, **arguments)

    def wait_event(self, name, timeout=TIMEOUT):
        """The oldest 'ready' or 'disconnected' that nobody waited for yet."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event
            self.peer.read(deadline, f"port {self.number}: {name}")

    def wait_ready(self, timeout=TIMEOUT):
        """The switch is there and the rings run. Returns what was negotiated."""
        return self.wait_event("ready", timeout)

    def wait_disconnected(self, timeout=TIMEOUT):
        return self.wait_event("disconnected", timeout)["reason"]

    def send(self, packet, header=None, queue=0, cuts=(), indirect=False):
        self.send_all([packet], header, queue, cuts, indirect)

    def send_all(self, packets, header=None, queue=0, cuts=(), indirect=False):
        """Frames in one burst. cuts: lengths of their descriptors, virtio header included."""
        header = (header or Header())._asdict()
        frames = [
            {"data": bytes(packet).hex(), "header": header, "cuts": list(cuts), "indirect": indirect}
            for packet in packets
        ]
        sent = self.call("tx", queue=queue, frames=frames)["sent"]
        assert sent == len(frames), f"the switch took only {sent} of {len(frames)} frames"

    def receive(self, match=lambda frame: True, timeout=TIMEOUT):
        """The first frame that matches; others before it are thrown away."""
        deadline = time.monotonic() + timeout
        while True:
            while self.received:
                frame = self.received.popleft()
                if match(frame):
                    return frame
            self.peer.read(deadline, f"port {self.number}: a frame")

    def drain(self):
        """All that was received so far: what the tool took until it answers."""
        self.stats()
        frames = list(self.received)
        self.received.clear()
        return frames

    def stats(self):
        """{"rx": [counters of each pair], "tx": [...], "calls", "connects", "ready"}."""
        return self.call("stats")

    def rx(self, mode):
        """report (each frame is handed out), count, or hold (nothing is taken any more)."""
        self.call("rx", mode=mode)

    def enable(self, queue, on):
        self.call("enable", queue=queue, on=on)

    def kick(self, queue=0, tx=True):
        self.call("kick", queue=queue, tx=tx)

    def corrupt(self, what, queue=0, tx=True):
        """See tests/tools/vhost_peer/corrupt.c for what there is."""
        self.call("corrupt", what=what, queue=queue, tx=tx)

    def message(self, data, fds=(), answer=False):
        """Raw bytes to the switch. fds: names as in command_message.c."""
        return self.call("message", data=bytes(data).hex(), fds=list(fds), answer=answer)

    def disconnect(self):
        """Closes the connection; the port goes on listening or connects again."""
        self.call("disconnect")

    def close(self):
        self.call("del")
        del self.peer.ports[self.number]


class VhostPeer:
    """One process with any number of ports."""

    def __init__(self):
        self.process = subprocess.Popen(
            [str(TOOL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.ports, self.answers, self.text, self.last_id = {}, {}, b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def add(self, path, number=None, features=SPLIT + MERGE, **options):
        """options as read_options() in command_add.c names them."""
        number = len(self.ports) if number is None else number
        return self.add_many(path, 1, number, features, **options)[0]

    def add_many(self, path, count, number=0, features=SPLIT + MERGE, **options):
        """Ports number, number + 1, ...; path holds %u."""
        new = [GuestPort(self, n, str(path).replace("%u", str(n))) for n in range(number, number + count)]
        self.ports |= {port.number: port for port in new}
        options |= {"path": str(path), "features": list(features), "count": count}
        self.call("add", port=number, **options)
        return new

    def ready(self):
        """How many ports are connected."""
        return self.call("summary", timeout=60.0)["ready"]

    def bulk(self, source, target, seconds=1.0, **options):
        """A TCP-like stream; see read_stream() in bulk.c. Returns rates and errors."""
        arguments = {"from": source.number, "to": target.number, "seconds": seconds} | options
        return self.call("bulk", timeout=seconds + TIMEOUT, **arguments)

    def call(self, cmd, timeout=TIMEOUT, **arguments):
        self.last_id += 1
        line = json.dumps({"cmd": cmd, "id": self.last_id} | arguments).encode() + b"\n"
        self.write(line)
        deadline = time.monotonic() + timeout
        while self.last_id not in self.answers:
            self.read(deadline, f"answer to {cmd}")
        answer = self.answers.pop(self.last_id)
        if "error" in answer:
            raise PeerError(f"{cmd}: {answer['error']}")
        return answer["result"]

    def write(self, line):
        """Reads meanwhile, so that both sides never wait for each other."""
        fd = self.process.stdin.fileno()
        while line:
            readable, writable, _ = select.select([self.process.stdout], [fd], [], TIMEOUT)
            assert readable or writable, "the tool takes no commands"
            if readable:
                self.take()
            if writable:
                line = line[os.write(fd, line[: select.PIPE_BUF]) :]

    def read(self, deadline, what):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise TimeoutError(f"vhost_peer: {what}: nothing came")
        self.take()

    def take(self):
        got = os.read(self.process.stdout.fileno(), 1 << 20)
        assert got, f"vhost_peer ended: {self.process.wait()}"
        *lines, self.text = (self.text + got).split(b"\n")
        for line in lines:
            self.dispatch(json.loads(line))

    def dispatch(self, item):
        if "event" not in item:
            self.answers[item["id"]] = item
        elif item["port"] in self.ports:
            port = self.ports[item["port"]]
            if item["event"] == "rx":
                port.received.append(Received(item))
            else:
                port.events.append(item)

    def kill(self):
        """As if the machine monitor had crashed."""
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.stdin.close()
        try:
            status = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        assert status in (0, -9), f"vhost_peer: exit {status}"
