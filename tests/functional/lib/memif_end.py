# SPDX-License-Identifier: Apache-2.0
"""The pod's side of a memif port in tests of offloads: memif carries finished frames alone."""
import os
import select

from lib import memif_peer
from lib.memif_port import MemifPort
from lib.vhost_peer import Header
from lib.vnet import Device

RING = 1  # from the switch


class MemifEnd:
    """Offers all buffers, and each again once it is read."""

    takes = frozenset()

    def __init__(self, path):
        self.slave = memif_peer.Slave(path).connect()
        self.next = 0  # slot to be read
        self.slave.offer()

    def send(self, data, header):
        assert header == Header(), "memif has no place for offloads"
        self.slave.transmit(data)

    def receive(self, timeout):
        """(bytes, Header) of the next frame, or None."""
        while not self.is_ready():
            if not select.select([self.slave.eventfds[RING]], [], [], timeout)[0]:
                return None
            os.eventfd_read(self.slave.eventfds[RING])
        data, more = self.take()
        while more:
            part, more = self.take()
            data += part
        return data, Header()

    def at(self, offset):
        return RING * self.slave.ring_bytes + offset

    def is_ready(self):
        return self.slave.get("<H", self.at(memif_peer.TAIL)) != self.next & 0xFFFF

    def take(self):
        """The bytes of one buffer, and whether the frame goes on in the next."""
        slave, slot = self.slave, self.next % self.slave.size
        descriptor = self.at(memif_peer.DESCRIPTORS + 16 * slot)
        flags, length = slave.get("<H", descriptor), slave.get("<I", descriptor + 4)
        start = slave.buffer(RING, slot)
        data = slave.map[start : start + length]
        slave.set_descriptor(RING, slot, slave.BUFFER)
        self.next += 1
        slave.put("<H", self.at(memif_peer.HEAD), (self.next + slave.size) & 0xFFFF)
        return data, flags & memif_peer.NEXT

    def drain(self):
        while self.receive(0.0):
            pass

    def close(self):
        self.slave.close()


def memif_device(dp, scratch, number, **settings):
    path, mac = scratch / f"m{number}.sock", f"02:00:00:00:01:{number:02x}"
    port = MemifPort(dp, number, path, mac, "master", **settings).attach()
    device = Device(MemifEnd(path), port)
    dp.wait_port_up(number)
    return device
