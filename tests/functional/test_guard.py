# SPDX-License-Identifier: Apache-2.0
"""Spoof guard: what a pod may not pretend to be, each drop by its name."""
from socket import AF_INET6, inet_ntop, inet_pton

import pytest
from lib import wire
from lib.frames import udp4, udp6
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_Advertise
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.utils6 import in6_getnsma

BROADCAST = "ff:ff:ff:ff:ff:ff"
OTHER_MAC = "02:00:00:00:99:02"


@pytest.fixture(scope="module")
def pair(dp):
    """A guarded port and another to talk to."""
    return dp.add_port(1, guard=wire.GUARD_ALL), dp.add_port(2)


def nd(port, message, src=None, dst="ff02::1", option=None):
    packet = Ether(src=port.mac, dst="33:33:00:00:00:01")
    packet /= IPv6(src=src or port.ip6, dst=dst, hlim=255) / message
    return packet / option if option else packet


def arp(port, **fields):
    return Ether(src=port.mac, dst=BROADCAST) / ARP(
        **({"op": 1, "hwsrc": port.mac, "psrc": port.ip4, "pdst": "10.1.0.77"} | fields)
    )


def spoofed(one, two):
    """(drop reason, packet) of everything that must not pass."""
    stranger = udp4(one, two)
    stranger.src = OTHER_MAC
    dhcp = Ether(src=one.mac, dst=two.mac) / IP(src=one.ip4, dst=two.ip4)
    dhcp /= UDP(sport=67, dport=68) / BOOTP(op=2) / DHCP(options=[("message-type", "offer"), "end"])
    dhcp6 = Ether(src=one.mac, dst=two.mac) / IPv6(src=one.ip6, dst=two.ip6)
    dhcp6 /= UDP(sport=547, dport=546) / DHCP6_Advertise()
    return [
        ("spoof_mac", stranger),
        ("spoof_ip", udp4(one, two, src="10.1.0.99")),
        ("spoof_ip", udp4(one, two, src=two.ip4)),
        ("spoof_ip", udp6(one, two, src="fd00:1::99")),
        ("spoof_arp", arp(one, psrc=two.ip4)),
        ("spoof_arp", arp(one, hwsrc=OTHER_MAC)),
        ("spoof_arp", arp(one, op=2, psrc="10.1.0.1", hwdst=two.mac, pdst=two.ip4)),
        ("spoof_nd", nd(one, ICMPv6ND_NS(tgt=two.ip6), option=ICMPv6NDOptSrcLLAddr(lladdr=OTHER_MAC))),
        ("spoof_nd", nd(one, ICMPv6ND_NA(tgt=two.ip6, O=1), option=ICMPv6NDOptDstLLAddr(lladdr=one.mac))),
        ("spoof_nd", nd(one, ICMPv6ND_NA(tgt=one.ip6), option=ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC))),
        ("rogue_ra", nd(one, ICMPv6ND_RA())),
        ("rogue_dhcp", dhcp),
        ("rogue_dhcp", dhcp6),
    ]


@pytest.mark.parametrize("index", range(13))
def test_spoofed_packets_are_dropped_by_name(dp, pair, index):
    one, two = pair
    reason, packet = spoofed(one, two)[index]
    two.raw.drain()
    dp.expect_drop(one, reason, packet)
    dp.assert_balanced()
    assert two.raw.drain() == []


def test_own_addresses_pass(dp, pair):
    one, two = pair
    for packet in (udp4(one, two), udp6(one, two)):
        assert list(dp.run(one, packet)) == [two.id]
    assert two.id in dp.run(one, arp(one))


def test_duplicate_address_detection_passes(dp, pair):
    """RFC 4862, 5.4: a solicitation from the unspecified address for one's own."""
    one, two = pair
    group = in6_getnsma(inet_pton(AF_INET6, one.ip6))
    probe = nd(one, ICMPv6ND_NS(tgt=one.ip6), src="::", dst=inet_ntop(AF_INET6, group))
    before = dp.drops(one)
    dp.run(one, probe)
    assert dp.drops(one) == before


def test_guard_is_a_setting_of_the_port(dp, pair):
    one, two = pair
    one.change(guard=0)
    try:
        assert list(dp.run(one, udp4(one, two, src="10.1.0.99"))) == [two.id]
    finally:
        one.change(guard=wire.GUARD_ALL)
    dp.expect_drop(one, "spoof_ip", udp4(one, two, src="10.1.0.99"))
