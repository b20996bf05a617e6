# SPDX-License-Identifier: Apache-2.0
"""Random and mutated frames; the same seed makes the same frames."""
import random

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Raw

FRAME_MAX = 1514


def seeds(src_mac, dst_macs, sources, destinations):
    """Well-formed frames from src_mac that exercise every stage."""
    out = []
    four = [(s, d) for s in sources for d in destinations if ":" not in s + d]
    six = [(s, d) for s in sources for d in destinations if ":" in s and ":" in d]
    for mac in dst_macs:
        link = Ether(src=src_mac, dst=mac)
        for src, dst in four:
            ip = link / IP(src=src, dst=dst)
            out += [ip / UDP(sport=1, dport=2) / Raw(bytes(40)), ip / TCP() / b"x", ip / ICMP()]
            out += [ip / UDP(sport=68, dport=67) / BOOTP() / DHCP(options=["end"]), ip / SCTP()]
            out += [link / IP(src=src, dst=dst, ttl=1) / UDP(), link / IP(src=src, dst=dst, frag=5)]
            out += [link / IP(src=src, dst=dst, flags="MF", options=[b"\x94\x04\0\0"]) / UDP()]
            out += [link / Dot1Q(vlan=100) / IP(src=src, dst=dst) / UDP()]
            out += [link / ARP(hwsrc=src_mac, psrc=src, pdst=dst)]
            out += [link / ARP(op=2, hwsrc=src_mac, psrc=src, pdst=dst)]
            out += [ip / IP(src=src, dst=dst) / UDP()]
        for src, dst in six:
            ip = link / IPv6(src=src, dst=dst)
            out += [ip / UDP(sport=1, dport=2) / Raw(bytes(40)), ip / TCP() / b"x"]
            out += [ip / ICMPv6EchoRequest(), link / IPv6(src=src, dst=dst, hlim=1) / UDP()]
            out += [ip / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / UDP()]
            out += [ip / IPv6ExtHdrFragment(offset=3) / Raw(bytes(24)), ip / IPv6ExtHdrDestOpt()]
            nd = link / IPv6(src=src, dst=dst, hlim=255)
            option = ICMPv6NDOptSrcLLAddr(lladdr=src_mac)
            out += [nd / ICMPv6ND_NS(tgt=dst) / option, nd / ICMPv6ND_NA(tgt=src), nd / ICMPv6ND_RA()]
    return [bytes(packet) for packet in out]


def random_frames(seed, n):
    """Noise of every length; half of it with a plausible ether type."""
    source = random.Random(seed)
    for _ in range(n):
        data = bytearray(source.randbytes(source.choice((14, 15, 20, 34, 54, 60, 100, 600, FRAME_MAX))))
        if source.random() < 0.5:
            data[12:14] = source.choice((b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00", b"\x88\xa8"))
            if len(data) > 14:
                data[14] = source.choice((0x45, 0x46, 0x4F, 0x60, data[14]))
        yield bytes(data)


def mutated_frames(seed, n, originals):
    """Each original with some bits flipped, bytes set to borders, cut or grown."""
    source = random.Random(seed)
    for _ in range(n):
        data = bytearray(source.choice(originals))
        for _ in range(source.randint(1, 6)):
            mutate(source, data)
        yield bytes(data[:FRAME_MAX].ljust(14, b"\0"))


def mutate(source, data):
    at = source.randrange(len(data)) if data else 0
    what = source.randrange(5)
    if what == 0 and data:
        data[at] ^= 1 << source.randrange(8)
    elif what == 1 and data:
        data[at] = source.choice((0, 1, 0x7F, 0x80, 0xFF))
    elif what == 2:
        del data[max(14, at) :]
    elif what == 3:
        data += source.randbytes(source.randrange(64))
    else:
        data[at : at + 2] = source.randbytes(2)
