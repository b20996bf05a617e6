# SPDX-License-Identifier: Apache-2.0
"""What a frame with offloads must look like when it arrives: byte by byte, by scapy's arithmetic."""
import struct

from lib.frames import ROUTER_MAC
from lib.vhost_peer import (
    DATA_VALID,
    GSO_NONE,
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP_L4,
    NEEDS_CSUM,
    Header,
)
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

FIELD = {TCP: 16, UDP: 6}  # of the checksum in its header
SEQUENCE = 0x7FFFF000


def fold(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def words_sum(data):
    return sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))


def pseudo_sum(ip, l4_bytes):
    addresses = bytes(ip)[12:20] if ip.version == 4 else bytes(ip)[8:40]
    proto = ip.proto if ip.version == 4 else ip.nh
    return fold(words_sum(addresses) + l4_bytes + proto)


class Flow:
    """Where packets go: the same one looks different at both ends (tags, routing)."""

    def __init__(self, source, target, family, proto, routed=False, tags=(None, None)):
        self.source, self.target = source, target
        self.ipv6, self.proto, self.routed, self.tags = family == 6, proto, routed, tags

    def link(self, at_target):
        tag = self.tags[at_target]
        if self.routed and not at_target:
            ether = Ether(src=self.source.mac, dst=ROUTER_MAC)
        elif self.routed:
            ether = Ether(src=ROUTER_MAC, dst=self.target.mac)
        else:
            ether = Ether(src=self.source.mac, dst=self.target.mac)
        return ether if tag is None else ether / Dot1Q(vlan=tag)

    def frame(self, payload, at_target=False, index=0, is_last=True, offset=0):
        """A complete frame with finished checksums; index, offset: of a segment."""
        ttl = 63 if self.routed and at_target else 64
        if self.ipv6:
            ip = IPv6(src=self.source.ip6, dst=self.target.ip6, hlim=ttl)
        else:
            ip = IP(src=self.source.ip4, dst=self.target.ip4, id=0x1000 + index, ttl=ttl)
        flags = "PA" if is_last else "A"
        l4 = TCP(sport=4000, dport=5000, seq=SEQUENCE + offset, flags=flags, window=77)
        if self.proto is UDP:
            l4 = UDP(sport=4000, dport=5000)
        return bytes(self.link(at_target) / ip / l4 / Raw(payload))

    def starts(self, data):
        """Offsets of the IP and the L4 header."""
        l3 = 18 if data[12:14] == b"\x81\x00" else 14
        return l3, l3 + (40 if self.ipv6 else 20)

    def unfinished(self, data):
        """The frame with the pseudo-header's sum instead of its checksum."""
        l3, l4 = self.starts(data)
        ip = (IPv6 if self.ipv6 else IP)(data[l3:])
        at = l4 + FIELD[self.proto]
        return data[:at] + struct.pack("!H", pseudo_sum(ip, len(data) - l4)) + data[at + 2 :]

    def gso_type(self):
        if self.proto is UDP:
            return GSO_UDP_L4
        return GSO_TCPV6 if self.ipv6 else GSO_TCPV4

    def header(self, data, segment_size=0):
        """What goes with an unfinished frame."""
        _, l4 = self.starts(data)
        header = Header(flags=NEEDS_CSUM, csum_start=l4, csum_offset=FIELD[self.proto])
        if not segment_size:
            return header
        l4_len = 8 if self.proto is UDP else 20
        return header._replace(
            gso_type=self.gso_type(), gso_size=segment_size, hdr_len=l4 + l4_len
        )

    def segments(self, payload, size):
        """What remains of a super-frame where it has to be cut."""
        starts = range(0, len(payload), size)
        return [
            self.frame(payload[at : at + size], True, index, at == starts[-1], at)
            for index, at in enumerate(starts)
        ]

    def capability(self):
        if self.proto is UDP:
            return "uso"
        return "tso6" if self.ipv6 else "tso4"

    def send(self, form, payload, size=0):
        """form: finished, partial or super."""
        data = self.frame(payload)
        if form == "finished":
            self.source.end.send(data, Header())
        else:
            data = self.unfinished(data)
            self.source.end.send(data, self.header(data, size if form == "super" else 0))

    def receive(self, n):
        """n frames; fewer after a while. Other traffic does not exist here."""
        return [got for _ in range(n) if (got := self.target.end.receive(5.0)) is not None]

    def check(self, form, payload, size=0):
        """Sends and looks at every byte that comes out."""
        takes = self.target.end.takes
        whole = form != "super" or (self.capability() in takes and "checksum" in takes)
        expected = [self.frame(payload, True)] if whole else self.segments(payload, size)
        self.target.end.drain()
        self.send(form, payload, size)
        got = self.receive(len(expected))
        assert len(got) == len(expected), f"{len(got)} frames instead of {len(expected)}"
        for frame, finished in zip(got, expected):
            self.check_frame(frame, finished, size if form == "super" and whole else 0)

    def check_frame(self, frame, finished, segment_size):
        data, header = frame
        is_partial = bool(header.flags & NEEDS_CSUM)
        if is_partial or segment_size:
            assert "checksum" in self.target.end.takes, f"the end took no offload: {header}"
            want = self.header(finished, segment_size)
            assert header._replace(num_buffers=0, hdr_len=want.hdr_len) == want
            assert Ether(data) == Ether(self.unfinished(finished))
            assert data == self.unfinished(finished)
        else:
            assert header.gso_type == GSO_NONE and header.flags in (0, DATA_VALID), header
            assert "checksum" in self.target.end.takes or header.flags == 0
            assert Ether(data) == Ether(finished)
            assert data == finished
