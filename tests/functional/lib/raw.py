# SPDX-License-Identifier: Apache-2.0
"""Raw frames at an interface inside a namespace: what its kernel would send and receive."""
import select
import socket
import struct
import time

from scapy.layers.inet import IPerror
from scapy.layers.inet6 import IPerror6
from scapy.layers.l2 import Ether

ETH_P_ALL = 3
PACKET_AUXDATA = 8
SOL_PACKET = 263
CHECKSUM_NOT_READY = 1 << 3


class RawSocket:
    """AF_PACKET socket. receive() gives frames that the switch sent to this interface."""

    def __init__(self, namespace, ifname):
        self.ifname = ifname
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.socket.bind((ifname, ETH_P_ALL))
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()

    def send(self, packet):
        """packet: scapy or bytes. Waits while the device's queue is full."""
        data = bytes(packet)
        while True:
            try:
                return self.socket.send(data)
            except (BlockingIOError, OSError) as error:
                if error.errno not in (11, 105):  # EAGAIN, ENOBUFS
                    raise
                select.select([], [self.socket], [], 0.05)

    def receive_bytes(self, timeout):
        """(frame with its VLAN tag put back, checksum finished?) or None after timeout seconds."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                return None
            try:
                data, ancillary, _, sender = self.socket.recvmsg(70000, 256)
            except BlockingIOError:
                continue
            if sender[2] == socket.PACKET_OUTGOING:
                continue
            return restore(data, ancillary)

    def receive(self, match=lambda packet: True, timeout=5.0):
        """The first packet that matches, as scapy; others before it are thrown away."""
        deadline = time.monotonic() + timeout
        while True:
            packet = self.receive_packet(max(0.0, deadline - time.monotonic()))
            if packet is None:
                raise TimeoutError(f"{self.ifname}: nothing that matches within {timeout} s")
            if match(packet):
                return packet

    def receive_packet(self, timeout=0.0):
        """The next frame as scapy, with .checksum_finished, or None."""
        got = self.receive_bytes(timeout)
        if got is None:
            return None
        packet = Ether(got[0])
        packet.checksum_finished = got[1]
        return packet

    def drain(self):
        """Everything that is here already."""
        packets = []
        while (packet := self.receive_packet()) is not None:
            packets.append(packet)
        return packets


def restore(data, ancillary):
    """The kernel takes the tag out of the frame; the ancillary data tells which."""
    finished = True
    for level, kind, value in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
            finished = not status & CHECKSUM_NOT_READY
            if status & (1 << 4):  # TP_STATUS_VLAN_VALID
                data = data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
    return data, finished


def checksums_right(packet):
    """Compares every checksum in the frame with what scapy computes."""
    fresh = Ether(bytes(packet))
    for layer in walk(fresh):
        for name in ("chksum", "cksum"):
            if name in layer.fields:
                delattr(layer, name)
    return bytes(fresh) == bytes(packet)


def walk(packet):
    """The layers of a packet, without what an ICMP error quotes."""
    while packet and not isinstance(packet, (IPerror, IPerror6)):
        yield packet
        packet = packet.payload
