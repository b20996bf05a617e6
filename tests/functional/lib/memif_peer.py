# SPDX-License-Identifier: Apache-2.0
"""A small memif slave (see drivers/port/memif_wire.h) that may do everything wrong."""
import mmap
import os
import socket
import struct

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)
COOKIE = 0x3E31F20
S2M = 1
NEXT = 1
DESCRIPTORS = 128  # offset of the first in a ring
HEAD, TAIL = 6, 64


def message(kind, fmt="", *values):
    return (struct.pack("<H", kind) + struct.pack("<" + fmt, *values)).ljust(128, b"\0")


def init(number=0, version=0x0200, mode=0, secret=b"", name=b"hostile"):
    return message(INIT, "HIB24s32s", version, number, mode, secret, name)


def add_region(size, index=0):
    return message(ADD_REGION, "HQ", index, size)


def add_ring(offset, flags, index=0, region=0, log2_size=8):
    return message(ADD_RING, "HHHIBH", flags, index, region, offset, log2_size, 0)


class Slave:
    """One ring of 2**log2_size each way, buffers of 2 KiB in one memfd."""

    BUFFER = 2048

    def __init__(self, path, log2_size=8, timeout=10.0):
        self.size, self.log2_size = 1 << log2_size, log2_size
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        path = str(path)
        self.socket.connect("\0" + path[1:] if path.startswith("@") else path)
        self.memory = self.map = None
        self.eventfds = []
        self.hello = self.receive(HELLO)

    def close(self):
        self.socket.close()
        for fd in self.eventfds:
            os.close(fd)
        self.eventfds = []
        if self.map is not None:
            self.map.close()
            os.close(self.memory)
            self.map = None

    def send(self, data, *fds):
        socket.send_fds(self.socket, [data], fds) if fds else self.socket.send(data)

    def receive(self, kind):
        data = self.socket.recv(256)
        assert data, "closed by the data plane"
        got = struct.unpack_from("<H", data)[0]
        assert got == kind, f"message {got} instead of {kind}: {data[6:102]!r}"
        return data

    def refusal(self):
        """The reason of the DISCONNECT that comes next, after which the socket is closed."""
        while True:
            data = self.socket.recv(256)
            if struct.unpack_from("<H", data)[0] == DISCONNECT:
                assert self.socket.recv(256) == b""
                return data[6:102].rstrip(b"\0").decode()

    def request(self, data, *fds, answer=ACK):
        self.send(data, *fds)
        return self.receive(answer)

    def make_memory(self, size=None):
        self.ring_bytes = DESCRIPTORS + 16 * self.size
        size = size or 2 * self.ring_bytes + 2 * self.size * self.BUFFER
        self.memory = os.memfd_create("hostile", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.memory, size)
        self.map = mmap.mmap(self.memory, size)
        for ring in range(2):
            self.put("<I", ring * self.ring_bytes, COOKIE)
            for slot in range(self.size):
                self.set_descriptor(ring, slot, self.BUFFER)
        return size

    def connect(self, number=0, secret=b""):
        self.request(init(number, secret=secret))
        self.request(add_region(self.make_memory()), self.memory)
        for ring in range(2):
            self.eventfds.append(os.eventfd(0, os.EFD_NONBLOCK))
            flags = S2M if ring == 0 else 0
            self.request(
                add_ring(ring * self.ring_bytes, flags, log2_size=self.log2_size),
                self.eventfds[-1],
            )
        self.request(message(CONNECT, "32s", b"evil0"), answer=CONNECTED)
        return self

    def put(self, fmt, offset, *values):
        struct.pack_into(fmt, self.map, offset, *values)

    def get(self, fmt, offset):
        return struct.unpack_from(fmt, self.map, offset)[0]

    def buffer(self, ring, slot):
        return 2 * self.ring_bytes + (ring * self.size + slot) * self.BUFFER

    def set_descriptor(self, ring, slot, length, flags=0, region=0, offset=None):
        if offset is None:
            offset = self.buffer(ring, slot)
        at = ring * self.ring_bytes + DESCRIPTORS + 16 * slot
        self.put("<HHII", at, flags, region, length, offset)

    def publish(self, ring, head):
        """A new head, and a kick."""
        self.put("<H", ring * self.ring_bytes + HEAD, head & 0xFFFF)
        os.eventfd_write(self.eventfds[ring], 1)

    def transmit(self, *frames):
        """Whole frames by the ring to the master; no look at whether there is room."""
        head = self.get("<H", HEAD)
        for frame in frames:
            slot = head % self.size
            self.map[self.buffer(0, slot) : self.buffer(0, slot) + len(frame)] = frame
            self.set_descriptor(0, slot, len(frame))
            head += 1
        self.publish(0, head)

    def offer(self):
        """All empty buffers to the master."""
        self.publish(1, self.size)

    def received(self):
        """What the master has put into them, frame by frame."""
        frames = []
        for slot in range(self.get("<H", self.ring_bytes + TAIL)):
            length = self.get("<I", self.ring_bytes + DESCRIPTORS + 16 * slot + 4)
            at = self.buffer(1, slot)
            frames.append(bytes(self.map[at : at + length]))
        return frames
