# SPDX-License-Identifier: Apache-2.0
"""Runts, giants and malformed packets: named drops, balanced books, nothing stops."""
from types import SimpleNamespace

import pytest
from lib import wire
from lib.dataplane import ROUTER_MAC
from lib.frames import PAYLOAD, same, udp4, udp6
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw


@pytest.fixture(scope="module")
def ports(dp):
    return [dp.add_port(number) for number in (1, 2)]


@pytest.fixture(autouse=True)
def still_well(dp, ports):
    yield
    dp.assert_balanced()
    one, two = ports
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])


def link(port, ether_type):
    return Ether(src=port.mac, dst=ROUTER_MAC, type=ether_type)


def cut(packet, length):
    return bytes(packet)[:length]


def malformed(one, two):
    four, six = udp4(one, two), udp6(one, two)
    bad_checksum = udp4(one, two)
    bad_checksum[IP].chksum = 0x1234
    return {
        "tag without a type": ("malformed_ethernet", cut(four / Dot1Q(), 12) + b"\x81\x00\x00\x64"),
        "IPv4 without a header": ("malformed_ipv4", link(one, 0x800)),
        "IPv4 header cut": ("malformed_ipv4", cut(four, 14 + 19)),
        "IPv4 of version 5": ("malformed_ipv4", udp4(one, two, version=5)),
        "IPv4 header length 4": ("malformed_ipv4", udp4(one, two, ihl=4)),
        "IPv4 options beyond the frame": ("malformed_ipv4", cut(udp4(one, two, ihl=15), 14 + 30)),
        "IPv4 longer than the frame": ("malformed_ipv4", udp4(one, two, len=1400)),
        "IPv4 shorter than its header": ("malformed_ipv4", udp4(one, two, len=19)),
        "IPv4 fragment beyond 64 KiB": ("malformed_ipv4", udp4(one, two, frag=8191)),
        "IPv4 checksum": ("ipv4_checksum", bad_checksum),
        "IPv6 without a header": ("malformed_ipv6", link(one, 0x86DD)),
        "IPv6 of version 4": ("malformed_ipv6", udp6(one, two, version=4)),
        "IPv6 longer than the frame": ("malformed_ipv6", udp6(one, two, plen=1400)),
        "IPv6 extension beyond the packet": (
            "malformed_ipv6",
            Ether(src=one.mac, dst=two.mac)
            / IPv6(src=one.ip6, dst=two.ip6)
            / IPv6ExtHdrDestOpt(len=200)
            / PAYLOAD,
        ),
        "IPv6 extensions without end": (
            "ipv6_extensions",
            Ether(src=one.mac, dst=two.mac)
            / IPv6(src=one.ip6, dst=two.ip6, nh=60)
            / Raw(b"\x3c\x00\x01\x04\x00\x00\x00\x00" * 20),
        ),
        "IPv6 hop-by-hop not first": (
            "malformed_ipv6",
            Ether(src=one.mac, dst=two.mac)
            / IPv6(src=one.ip6, dst=two.ip6)
            / IPv6ExtHdrDestOpt()
            / IPv6ExtHdrHopByHop()
            / UDP(),
        ),
        "TCP header cut": ("malformed_l4", tcp_cut(one, two)),
        "UDP header cut in IPv6": ("malformed_l4", udp6_cut(six)),
    }


def tcp_cut(one, two):
    return Ether(src=one.mac, dst=two.mac) / IP(src=one.ip4, dst=two.ip4, proto=6) / Raw(bytes(19))


def udp6_cut(six):
    packet = Ether(bytes(six))
    packet[IPv6].plen = 7
    return cut(packet, 14 + 40 + 7)


ANYONE = SimpleNamespace(mac="02:00:00:00:00:09", ip4="192.0.2.1", ip6="2001:db8::1")


@pytest.mark.parametrize("name", malformed(ANYONE, ANYONE))
def test_malformed_packet_is_dropped_by_name(dp, ports, name):
    reason, packet = malformed(*ports)[name]
    dp.expect_drop(ports[0], reason, packet)


@pytest.mark.parametrize("length", [14, 15, 33, 59])
def test_runt_is_accounted_for(dp, ports, length):
    dp.run(ports[0], cut(udp4(*ports), length))


@pytest.mark.parametrize("size", [1515, 4000, 9000])
def test_giant_is_accounted_for(dp, ports, size):
    """Longer than the MTU of every port: dropped as too big, or never sent."""
    one, two = ports
    one.namespace.ip(f"link set {one.ifname} mtu 9500")
    try:
        packet = Ether(src=one.mac, dst=two.mac) / IP(src=one.ip4, dst=two.ip4, flags="DF")
        packet /= UDP(sport=1, dport=2) / Raw(bytes(size - 42))
        before = dp.drops(one).get("too_big", 0)
        assert two.id not in dp.run(one, packet)
        assert dp.drops(one)["too_big"] == before + 1
    finally:
        one.namespace.ip(f"link set {one.ifname} mtu 1500")


@pytest.mark.parametrize(
    "packet",
    [
        ARP(hwlen=8),
        ARP(plen=16),
        ARP(op=77),
        Raw(b"\x00\x01\x08\x00\x06"),
        ARP(psrc="255.255.255.255"),
    ],
    ids=["hwlen", "plen", "op", "cut", "broadcast sender"],
)
def test_odd_arp(dp, ports, packet):
    dp.run(ports[0], Ether(src=ports[0].mac, dst="ff:ff:ff:ff:ff:ff", type=0x806) / packet)


def test_odd_tcp_header_length(dp, ports):
    one, two = ports
    packet = Ether(src=one.mac, dst=two.mac) / IP(src=one.ip4, dst=two.ip4) / TCP(dataofs=15)
    dp.run(one, packet)


def test_packet_that_loops_dies(dp, ports):
    """Two networks whose default routes point at each other's router MAC on one wire."""
    one, two = ports
    dp.sock.set(
        wire.Nexthop.make(
            id=50, kind=wire.NH_PORT, port=two.id, mac=wire.mac_bytes(ROUTER_MAC)
        ),
        wire.Route.make(nexthop=50, prefix=wire.Ip.of("192.0.2.0/24")),
    )
    packet = udp4(one, two, dst="192.0.2.9", dst_mac=ROUTER_MAC, ttl=16)
    turns = 0
    while out := dp.run(one if turns == 0 else two, packet):
        (back,) = out.get(two.id, out.get(one.id))
        if back.dst != ROUTER_MAC:
            break  # the ICMP error that ends it
        packet = Ether(bytes(back))
        packet.src = two.mac
        turns += 1
    assert turns == 15
