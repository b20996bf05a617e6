# SPDX-License-Identifier: Apache-2.0
"""Frames with a virtio-net header, and the ends that send and receive them in tests of offloads."""
import select
import socket
import struct
import time

from lib import wire
from lib.raw import ETH_P_ALL, PACKET_AUXDATA, SOL_PACKET
from lib.vhost_peer import NEEDS_CSUM, Header
from lib.vhost_port import VhostPort

PACKET_VNET_HDR = 15
TAG_VALID = 1 << 4  # TP_STATUS_VLAN_VALID
LAYOUT = struct.Struct("=BBHHHH")


class VnetSocket:
    """AF_PACKET with virtio-net headers: frames as the kernel's own stack hands them to a device."""

    def __init__(self, namespace, ifname):
        self.ifname = ifname
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            self.socket.bind((ifname, ETH_P_ALL))

    def close(self):
        self.socket.close()

    def send(self, data, header):
        self.socket.send(LAYOUT.pack(*header[:6]) + data)

    def receive(self, timeout):
        """(bytes, Header) of the next frame that came from the switch, or None."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                return None
            data, ancillary, _, sender = self.socket.recvmsg(70000, 256)
            if sender[2] != socket.PACKET_OUTGOING:
                return with_tag(data, ancillary)


def with_tag(data, ancillary):
    """The kernel moves the tag out of the frame, and counts csum_start from what is left."""
    header, data = Header(*LAYOUT.unpack(data[: LAYOUT.size])), data[LAYOUT.size :]
    for level, kind, value in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
            if status & TAG_VALID:
                data = data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
                if header.flags & NEEDS_CSUM:
                    header = header._replace(csum_start=header.csum_start + 4)
                if header.hdr_len:
                    header = header._replace(hdr_len=header.hdr_len + 4)
    return data, header


class KernelEnd:
    """The kernel's side of a tap or a veth."""

    def __init__(self, namespace, ifname, takes):
        self.socket, self.takes = VnetSocket(namespace, ifname), frozenset(takes)
        self.send, self.receive = self.socket.send, self.socket.receive

    def drain(self):
        while self.receive(0.0):
            pass

    def close(self):
        self.socket.close()


class GuestEnd:
    """A front end of vhost_peer, which takes what it negotiated."""

    def __init__(self, guest, features):
        self.guest = guest
        names = {"guest_csum": "checksum", "guest_tso4": "tso4", "guest_tso6": "tso6"}
        self.takes = frozenset(names[name] for name in features if name in names)

    def send(self, data, header):
        self.guest.send(data, header)

    def receive(self, timeout):
        try:
            frame = self.guest.receive(timeout=timeout)
        except TimeoutError:
            return None
        return frame.data, frame.header

    def drain(self):
        self.guest.drain()

    def close(self):
        pass


class Device:
    """A port of the data plane with the end behind it."""

    def __init__(self, end, port):
        self.end, self.port = end, port
        self.mac, self.ip4, self.ip6 = port.mac, port.ip4, port.ip6


def guest_device(dp, peer, scratch, number, features, args="", **settings):
    """A vhost-user port and a front end at it; wait_ready() is the caller's."""
    path = scratch / f"g{number}.sock"
    options = settings.pop("guest", {})
    guest = peer.add(path, number=number, features=features, **options)
    port = VhostPort(dp, number, path, f"02:00:00:00:01:{number:02x}", args=args, **settings)
    port.attach()
    device = Device(GuestEnd(guest, features), port)
    device.guest = guest
    return device


def kernel_device(dp, number, kind=wire.PORT_TAP, **settings):
    port = dp.add_port(number, kind=kind, **settings)
    names = dp.port_infos()[number].capability_names.decode().split(",")
    return Device(KernelEnd(port.namespace, port.ifname, names), port)
