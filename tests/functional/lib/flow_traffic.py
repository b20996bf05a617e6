# SPDX-License-Identifier: Apache-2.0
"""Frames that a card with rules might get wrong: flows, and what differs from them a little."""
import random

from lib.dataplane import ROUTER_MAC
from lib.tunnels import PEER_VTEP_MAC, VTEP_MAC, VXLAN4
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

STRANGER = "02:00:00:00:08:08"


class Flow:
    """One direction of a connection. source: a port, or None: a pod behind the peer."""

    def __init__(self, rng, dp, source, target, version, routed):
        self.dp, self.source, self.target, self.version = dp, source, target, version
        self.routed = routed or source is None or target is None
        self.sport, self.dport = rng.randrange(1024, 65536), rng.randrange(1024, 65536)
        self.proto = rng.choice((UDP, UDP, TCP))

    def address(self, end):
        if end is None:
            return VXLAN4.pod(self.version)
        return end.ip4 if self.version == 4 else end.ip6

    def frame(self, size=64, l4=None, extension=None, **ip):
        """fields: of the IP header."""
        layer = IP if self.version == 4 else IPv6
        src = ip.pop("src", self.address(self.source))
        packet = layer(src=src, dst=self.address(self.target), **ip)
        if extension is not None:
            packet /= extension
        packet /= l4 or self.proto(sport=self.sport, dport=self.dport)
        return self.link() / packet / Raw(bytes(i & 0xFF for i in range(size)))

    def link(self):
        if self.source is None:
            return Ether(src=PEER_VTEP_MAC, dst=VTEP_MAC)
        return Ether(src=self.source.mac, dst=ROUTER_MAC if self.routed else self.target.mac)

    def enter(self, frame, **outer):
        """As it comes to the card: (port, frame)."""
        if self.source is not None:
            return self.source, frame
        outer = {"sport": 0xC000 | self.sport} | outer  # RFC 7348: entropy of the inner flow
        return self.dp.uplink, VXLAN4.wrap(frame, self.dp.uplink.mac, **outer)

    def plain(self):
        return self.enter(self.frame())


def all_flows(rng, dp):
    """Between every two of VFs, the pod on a tap and the pods behind the peer."""
    ends = [*dp.vfs, dp.pod, None]
    return [
        Flow(rng, dp, source, target, version, routed)
        for source in ends
        for target in ends
        if source is not target and source is not dp.pod
        for version in (4, 6)
        for routed in (False, True)
    ]


# Each makes of a flow one thing that its rule may not carry, or must carry in the same way.
def plain(rng, flow):
    return flow.plain()


def size(rng, flow):
    return flow.enter(flow.frame(size=rng.choice((0, 1, 500, 1300, 1400, 1430, 1450, 1480))))


def too_big(rng, flow):
    flags = {"flags": rng.choice(("", "DF"))} if flow.version == 4 else {}
    return flow.enter(flow.frame(size=rng.choice((1473, 1500, 3000)), **flags))


def ttl(rng, flow):
    value = rng.choice((0, 1, 2, 3, 255))
    return flow.enter(flow.frame(**{"ttl" if flow.version == 4 else "hlim": value}))


def options(rng, flow):
    if flow.version == 4:
        return flow.enter(flow.frame(options=[IPOption_NOP()] * 4))
    return flow.enter(flow.frame(extension=IPv6ExtHdrDestOpt()))


def fragment(rng, flow):
    if flow.version == 4:
        fields = rng.choice(({"flags": "MF"}, {"frag": 10}, {"flags": "MF", "frag": 10}))
        return flow.enter(flow.frame(**fields))
    return flow.enter(flow.frame(extension=IPv6ExtHdrFragment(offset=rng.choice((0, 10)), m=1)))


def dscp(rng, flow):
    value = rng.choice((1, 2, 3, 0xB8))
    inner = flow.frame(**{"tos" if flow.version == 4 else "tc": value})
    outer = {} if flow.source is not None else {"tos": rng.randrange(4)}
    return flow.enter(inner, **outer)


def bad_checksum(rng, flow):
    return flow.enter(flow.frame(chksum=0x1234) if flow.version == 4 else flow.frame())


def bad_length(rng, flow):
    return flow.enter(flow.frame(**{"len" if flow.version == 4 else "plen": 2000}))


def spoofed_mac(rng, flow):
    frame = flow.frame()
    frame.src = STRANGER
    return flow.enter(frame)


def spoofed_ip(rng, flow):
    return flow.enter(flow.frame(src="10.1.9.9" if flow.version == 4 else "fd00:1::9:9"))


def tagged(rng, flow):
    frame = flow.frame()
    tag = Dot1Q(vlan=rng.choice((0, 7)), type=frame.type)
    return flow.enter(Ether(src=frame.src, dst=frame.dst) / tag / frame.payload)


def other_protocol(rng, flow):
    return flow.enter(flow.frame(l4=ICMP(id=1)) if flow.version == 4 else flow.frame())


def other_ports(rng, flow):
    return flow.enter(flow.frame(l4=flow.proto(sport=flow.dport, dport=flow.sport)))


def tcp_flags(rng, flow):
    flags = rng.choice(("S", "F", "R", "SA", "PA"))
    return flow.enter(flow.frame(l4=TCP(sport=flow.sport, dport=flow.dport, flags=flags)))


def other_tunnel(rng, flow):
    return flow.enter(flow.frame(), **({"vni": 77} if flow.source is None else {}))


def padded(rng, flow):
    port, frame = flow.enter(flow.frame(size=2))
    return port, bytes(frame).ljust(60, b"\x55")


KINDS = (
    size, too_big, ttl, options, fragment, dscp, bad_checksum, bad_length, spoofed_mac, spoofed_ip,
    tagged, other_protocol, other_ports, tcp_flags, other_tunnel, padded,
)


def mixture(seed, dp, count):
    """[(port, frame bytes)]: half of it the flows themselves."""
    rng = random.Random(seed)
    flows = all_flows(rng, dp)
    return flows, [
        (port, bytes(frame))
        for _ in range(count)
        for port, frame in [rng.choice((plain, rng.choice(KINDS)))(rng, rng.choice(flows))]
    ]
