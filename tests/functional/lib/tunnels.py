# SPDX-License-Identifier: Apache-2.0
"""Tunnels over an uplink of a data plane: its objects, and outer headers built by scapy."""
from dataclasses import dataclass

from lib import wire
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

NODE4, PEER4, PEER6, NODE6 = "192.168.0.1", "192.168.0.2", "fd99::2", "fd99::1"
PEER_MAC = "02:00:00:00:09:02"
VTEP_MAC, PEER_VTEP_MAC = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
UNDERLAY, UPLINK = 9, 50  # network, port
UNDERLAY_HOP = 100  # next hop: the peer's MAC on the uplink


@dataclass(frozen=True)
class Tunnel:
    """One encapsulation. number: of its vtep; its next hop is number + 10, its pods are
    10.2.NUMBER.0/24 and fd00:2:NUMBER::/64."""

    name: str
    number: int
    kind: int
    udp_port: int = 0
    v6: bool = False
    flags: int = 0

    @property
    def overhead(self):
        """Bytes of the outer packet that the inner IP packet cannot have."""
        ether = {wire.TUNNEL_VXLAN: 14 + 8 + 8, wire.TUNNEL_UDP: 8, wire.TUNNEL_IPIP: 0}[self.kind]
        return ether + (40 if self.v6 else 20)

    @property
    def peer(self):
        return PEER6 if self.v6 else PEER4

    @property
    def carries_frames(self):
        return self.kind == wire.TUNNEL_VXLAN

    def pod(self, version=4):
        """Address of a pod behind the peer."""
        return f"10.2.{self.number}.9" if version == 4 else f"fd00:2:{self.number}::9"

    def vtep(self, own=(), groups=(), **changes):
        values = {
            "id": self.number,
            "port": UPLINK,
            "kind": self.kind,
            "flags": self.flags,
            "udp_port": self.udp_port,
            "mac": wire.mac_bytes(VTEP_MAC),
            "address": wire.Ip.of(NODE6 if self.v6 else NODE4),
            "n_own": len(own),
            "n_groups": len(groups),
        }
        tail = b"".join(bytes(wire.Ip.of(address)) for address in (*own, *groups))
        return wire.Vtep.make(tail, **(values | changes))

    def nexthop(self, **changes):
        values = {
            "id": self.number + 10,
            "kind": wire.NH_TUNNEL,
            "mac": wire.mac_bytes(PEER_VTEP_MAC if self.carries_frames else "00" * 6),
            "via": wire.Ip.of(self.peer),
            "vtep": self.number,
            "underlay": UNDERLAY_HOP,
        }
        return wire.Nexthop.make(**(values | changes))

    def routes(self):
        prefixes = [f"10.2.{self.number}.0/24"]
        if self.carries_frames:
            prefixes.append(f"fd00:2:{self.number}::/64")
        return [wire.Route.make(nexthop=self.number + 10, prefix=wire.Ip.of(p)) for p in prefixes]

    def outer_ip(self, src, dst, **fields):
        return IPv6(src=src, dst=dst, **fields) if self.v6 else IP(src=src, dst=dst, **fields)

    def wrap(self, frame, uplink_mac, vni=1, sport=50000, src=None, vxlan=None, **fields):
        """The frame as the peer sends it here. fields: of the outer IP header."""
        dst = NODE6 if self.v6 else NODE4
        outer = Ether(src=PEER_MAC, dst=uplink_mac) / self.outer_ip(src or self.peer, dst, **fields)
        return outer / self.payload(frame, vni, sport, vxlan)

    def payload(self, frame, vni=1, sport=50000, vxlan=None):
        """What is behind the outer IP header, with lengths and checksums to be filled in."""
        packet = Ether(bytes(frame))
        if self.kind == wire.TUNNEL_IPIP:
            return packet.payload
        udp = UDP(sport=sport, dport=self.udp_port)
        if not (self.v6 or self.flags & wire.VTEP_CHECKSUM):
            udp.chksum = 0
        if self.kind == wire.TUNNEL_UDP:
            return udp / packet.payload
        return udp / VXLAN(**(vxlan or {"flags": 8}), vni=vni) / packet


VXLAN4 = Tunnel("vxlan4", 1, wire.TUNNEL_VXLAN, 8472)
VXLAN4_CHECKSUM = Tunnel(
    "vxlan4 with checksum", 2, wire.TUNNEL_VXLAN, 4789, flags=wire.VTEP_CHECKSUM
)
VXLAN6 = Tunnel("vxlan6", 3, wire.TUNNEL_VXLAN, 4789, True)
IPIP = Tunnel("ipip", 4, wire.TUNNEL_IPIP)
BARE_UDP = Tunnel("udp", 5, wire.TUNNEL_UDP, 8285)
TUNNELS = (VXLAN4, VXLAN4_CHECKSUM, VXLAN6, IPIP, BARE_UDP)


def add_uplink(dp, **settings):
    """The underlay's network, an uplink in it, and the peer's MAC there."""
    dp.add_network(UNDERLAY, "underlay", (), router_mac=wire.mac_bytes("02:00:00:00:00:09"))
    uplink = dp.add_port(
        UPLINK, endpoint=False, network=UNDERLAY, flags=wire.UPLINK, **settings
    )
    dp.sock.set(underlay_hop())
    return uplink


def underlay_hop(mac=PEER_MAC, **changes):
    values = {
        "id": UNDERLAY_HOP,
        "network": UNDERLAY,
        "kind": wire.NH_PORT,
        "mac": wire.mac_bytes(mac),
        "port": UPLINK,
        "via": wire.Ip.of(PEER4),
    }
    return wire.Nexthop.make(**(values | changes))


def add_tunnels(dp, tunnels=TUNNELS):
    for tunnel in tunnels:
        dp.sock.set(tunnel.vtep(), tunnel.nexthop(), *tunnel.routes())


def remove_tunnels(dp, tunnels=TUNNELS):
    for tunnel in tunnels:
        dp.sock.delete(*tunnel.routes(), tunnel.nexthop(), tunnel.vtep())


def remove_uplink(dp):
    dp.sock.delete(underlay_hop())
    dp.del_port(UPLINK)
    dp.sock.delete(wire.Network.make(id=UNDERLAY))


def without_vlan(packet):
    """The frame without its outer tag, and the tag's VLAN or None."""
    if not packet.haslayer(Dot1Q) or packet.payload.name != "802.1Q":
        return packet, None
    tag = packet.getlayer(Dot1Q)
    frame = Ether(src=packet.src, dst=packet.dst, type=tag.type) / tag.payload
    return Ether(bytes(frame)), tag.vlan
