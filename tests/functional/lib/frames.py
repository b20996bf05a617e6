# SPDX-License-Identifier: Apache-2.0
"""Frames between test ports, as their kernels would make them."""
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lib.dataplane import ROUTER_MAC

PAYLOAD = Raw(bytes(range(64)))


def udp4(source, target, src=None, dst=None, dst_mac=None, **fields):
    """target: a port; its MAC and address unless dst_mac and dst say otherwise."""
    return (
        Ether(src=source.mac, dst=dst_mac or target.mac)
        / IP(src=src or source.ip4, dst=dst or target.ip4, **fields)
        / UDP(sport=4000, dport=5000)
        / PAYLOAD
    )


def udp6(source, target, src=None, dst=None, dst_mac=None, **fields):
    return (
        Ether(src=source.mac, dst=dst_mac or target.mac)
        / IPv6(src=src or source.ip6, dst=dst or target.ip6, **fields)
        / UDP(sport=4000, dport=5000)
        / PAYLOAD
    )


def via_router4(source, dst, **fields):
    """A packet that the switch is to route."""
    return udp4(source, source, dst=dst, dst_mac=ROUTER_MAC, **fields)


def via_router6(source, dst, **fields):
    return udp6(source, source, dst=dst, dst_mac=ROUTER_MAC, **fields)


def routed(packet, target):
    """What the packet must look like behind the router (RFC 1812, 5.2; RFC 8200, 3)."""
    out = Ether(bytes(packet))
    out.src, out.dst = ROUTER_MAC, target.mac
    if IP in out:
        out[IP].ttl -= 1
        del out[IP].chksum
    else:
        out[IPv6].hlim -= 1
    return Ether(bytes(out))


def same(got, expected):
    """Compares bytes; scapy's repr of both is what an assertion then shows."""
    return [bytes(packet) for packet in got] == [bytes(packet) for packet in expected]
