# SPDX-License-Identifier: Apache-2.0
"""The router of a network: ARP/ND, forwarding, ICMP errors, ECMP; bytes compared with scapy."""
import struct
from collections import Counter
from types import SimpleNamespace

import pytest
from lib import wire
from lib.dataplane import ROUTER_MAC
from lib.frames import PAYLOAD, routed, same, udp4, via_router4, via_router6
from lib.raw import checksums_right
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from scapy.utils import checksum

ROUTER4, ROUTER6 = "10.1.0.1", "fd00:1::1"


@pytest.fixture(scope="module")
def ports(dp):
    return [dp.add_port(number) for number in (1, 2, 3)]


@pytest.fixture
def route(dp):
    """route(prefix, kind, **next hop) adds a route with a next hop of its own."""
    made = []

    def add(prefix, kind, members=(), via=None, **values):
        number = 100 + len(made)
        tail = b"".join(bytes(wire.Member(nexthop, weight)) for nexthop, weight in members)
        nexthop = wire.Nexthop.make(tail, id=number, kind=kind, n_members=len(members), **values)
        if via:
            nexthop.via = wire.Ip.of(via)
        made.append(nexthop)
        dp.sock.set(nexthop)
        if prefix:
            entry = wire.Route.make(nexthop=number, prefix=wire.Ip.of(prefix))
            made.append(entry)
            dp.sock.set(entry)
        return number

    yield add
    for item in reversed(made):
        dp.sock.delete(item)


def padded(packet, like):
    """Ethernet's padding of the answer is not looked at."""
    return bytes(packet)[: len(bytes(like))]


@pytest.mark.parametrize("target", ["router", "pod"])
def test_arp_answer(dp, ports, target):
    one, two, _ = ports
    address, mac = (ROUTER4, ROUTER_MAC) if target == "router" else (two.ip4, two.mac)
    request = Ether(src=one.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=one.mac, psrc=one.ip4, pdst=address
    )
    expected = Ether(src=mac, dst=one.mac) / ARP(
        op=2, hwsrc=mac, psrc=address, hwdst=one.mac, pdst=one.ip4
    )
    out = dp.run(one, request)
    assert list(out) == [one.id] and len(out[one.id]) == 1
    assert padded(out[one.id][0], expected) == bytes(expected)


@pytest.mark.parametrize("target", ["router", "pod"])
def test_nd_answer(dp, ports, target):
    """RFC 4861, 7.2.4: solicited advertisement, router flag only of routers."""
    one, two, _ = ports
    address, mac = (ROUTER6, ROUTER_MAC) if target == "router" else (two.ip6, two.mac)
    request = (
        Ether(src=one.mac, dst="33:33:ff:00:00:01")
        / IPv6(src=one.ip6, dst="ff02::1:ff00:1", hlim=255)
        / ICMPv6ND_NS(tgt=address)
        / ICMPv6NDOptSrcLLAddr(lladdr=one.mac)
    )
    out = dp.run(one, request)
    assert list(out) == [one.id] and len(out[one.id]) == 1
    answer = out[one.id][0]
    expected = (
        Ether(src=mac, dst=one.mac)
        / IPv6(src=address, dst=one.ip6, hlim=255)
        / ICMPv6ND_NA(tgt=address, R=int(target == "router"), S=1, O=1)
        / ICMPv6NDOptDstLLAddr(lladdr=mac)
    )
    assert bytes(answer) == bytes(expected)


def test_unknown_neighbour_is_asked_by_flooding(dp, ports):
    one, two, three = ports
    request = Ether(src=one.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=one.mac, psrc=one.ip4, pdst="10.1.0.200"
    )
    assert set(dp.run(one, request)) == {two.id, three.id}


@pytest.mark.parametrize("make", [via_router4, via_router6])
def test_routed_between_pods(dp, ports, make):
    one, two, _ = ports
    packet = make(one, two.ip4 if make is via_router4 else two.ip6)
    out = dp.run(one, packet)
    assert list(out) == [two.id]
    assert same(out[two.id], [routed(packet, two)])


def test_echo_of_the_router_without_host_port(dp, ports):
    one = ports[0]
    request = Ether(src=one.mac, dst=ROUTER_MAC) / IP(src=one.ip4, dst=ROUTER4)
    (answer,) = dp.run(one, request / ICMP(id=7, seq=1) / PAYLOAD)[one.id]
    assert (answer.src, answer[IP].src, answer[IP].dst) == (ROUTER_MAC, ROUTER4, one.ip4)
    assert (answer[ICMP].type, answer[ICMP].id, answer[ICMP].seq) == (0, 7, 1)
    assert bytes(answer[ICMP].payload) == bytes(PAYLOAD) and checksums_right(answer)
    request = Ether(src=one.mac, dst=ROUTER_MAC) / IPv6(src=one.ip6, dst=ROUTER6)
    (answer,) = dp.run(one, request / ICMPv6EchoRequest(id=7, data=bytes(PAYLOAD)))[one.id]
    assert answer[ICMPv6EchoReply].data == bytes(PAYLOAD) and checksums_right(answer)


def is_quote(quoted, packet):
    """As received, or with the router's hop taken already (RFC 1812, 4.3.2.3)."""
    hop = Ether(bytes(routed(packet, SimpleNamespace(mac=packet.dst))))
    return any(bytes(form)[14:].startswith(quoted) for form in (packet, hop))


def error4(dp, port, packet, icmp_type, code):
    """The ICMP error that the packet brings to its sender, checked for form (RFC 1812, 4.3.2)."""
    out = dp.run(port, packet)
    assert list(out) == [port.id] and len(out[port.id]) == 1
    (answer,) = out[port.id]
    assert (answer.src, answer.dst) == (ROUTER_MAC, port.mac)
    assert (answer[IP].src, answer[IP].dst) == (ROUTER4, packet[IP].src)
    assert (answer[ICMP].type, answer[ICMP].code) == (icmp_type, code)
    quoted = bytes(answer[ICMP])[8:]
    assert len(answer[IP]) <= 576 and len(quoted) >= 28 and is_quote(quoted, packet)
    assert checksums_right(answer)
    return answer


def error6(dp, port, packet, layer, code):
    out = dp.run(port, packet)
    assert list(out) == [port.id] and len(out[port.id]) == 1
    (answer,) = out[port.id]
    assert (answer.src, answer.dst) == (ROUTER_MAC, port.mac)
    assert (answer[IPv6].src, answer[IPv6].dst) == (ROUTER6, packet[IPv6].src)
    assert answer[layer].code == code
    quoted = bytes(answer[layer])[8:]
    assert is_quote(quoted, packet) and len(answer[IPv6]) <= 1280
    assert len(quoted) == min(len(bytes(packet)) - 14, 1280 - 48)
    assert checksums_right(answer)
    return answer


def test_ttl_exceeded(dp, ports):
    one, two, _ = ports
    error4(dp, one, via_router4(one, two.ip4, ttl=1), 11, 0)
    error6(dp, one, via_router6(one, two.ip6, hlim=1), ICMPv6TimeExceeded, 0)
    assert dp.drops(one)["ttl_exceeded"] == 2


def test_no_route(dp, ports):
    one = ports[0]
    error4(dp, one, via_router4(one, "192.0.2.1"), 3, 0)
    error6(dp, one, via_router6(one, "2001:db8::1"), ICMPv6DestUnreach, 0)
    assert dp.drops(one)["no_route"] == 2


def test_unreachable_prohibit_and_blackhole(dp, ports, route):
    one = ports[0]
    route("192.0.2.0/26", wire.NH_UNREACHABLE)
    route("192.0.2.64/26", wire.NH_PROHIBIT)
    route("192.0.2.128/26", wire.NH_BLACKHOLE)
    route("2001:db8::/64", wire.NH_PROHIBIT)
    error4(dp, one, via_router4(one, "192.0.2.1"), 3, 1)
    error4(dp, one, via_router4(one, "192.0.2.65"), 3, 13)
    error6(dp, one, via_router6(one, "2001:db8::1"), ICMPv6DestUnreach, 1)
    assert dp.run(one, via_router4(one, "192.0.2.129")) == {}
    assert dp.drops(one)["blackhole"] == 1


def test_too_big(dp, ports):
    """A route over a port with a smaller MTU than the packet."""
    one = ports[0]
    small = dp.add_port(9, mtu=1300)
    try:
        big = Raw(bytes(1400))
        packet = Ether(src=one.mac, dst=ROUTER_MAC) / IP(src=one.ip4, dst=small.ip4, flags="DF")
        answer = error4(dp, one, packet / UDP(sport=1, dport=2) / big, 3, 4)
        assert struct.unpack("!H", bytes(answer[ICMP])[6:8])[0] == 1300
        packet = Ether(src=one.mac, dst=ROUTER_MAC) / IPv6(src=one.ip6, dst=small.ip6)
        answer = error6(dp, one, packet / UDP(sport=1, dport=2) / big, ICMPv6PacketTooBig, 0)
        assert answer[ICMPv6PacketTooBig].mtu == 1300
        packet = Ether(src=one.mac, dst=ROUTER_MAC) / IP(src=one.ip4, dst=small.ip4, id=77)
        before = dp.stats(one)["segments"]
        fragments = dp.run(one, packet / UDP(sport=1, dport=2) / big)[small.id]
        assert len(fragments) == 2 and all(len(part[IP]) <= 1300 for part in fragments)
        for part in fragments:
            assert checksum(bytes(part[IP])[:20]) == 0
        whole = b"".join(bytes(part[IP].payload) for part in fragments)
        assert whole[8:1408] == bytes(1400)
        assert dp.stats(one)["segments"] == before + 1
    finally:
        dp.del_port(9)


def test_longest_prefix_and_via(dp, ports, route):
    one, two, three = ports
    route("198.51.100.0/24", wire.NH_PORT, port=two.id, mac=wire.mac_bytes(two.mac))
    route("198.51.100.128/25", wire.NH_VIA, via=three.ip4)
    route("2001:db8:5::/48", wire.NH_VIA, via=two.ip6)
    low, high = via_router4(one, "198.51.100.1"), via_router4(one, "198.51.100.200")
    assert same(dp.run(one, low)[two.id], [routed(low, two)])
    assert same(dp.run(one, high)[three.id], [routed(high, three)])
    six = via_router6(one, "2001:db8:5::9")
    assert same(dp.run(one, six)[two.id], [routed(six, two)])


def flows(one, dst, n):
    for number in range(n):
        packet = via_router4(one, dst)
        packet[UDP].sport = 10000 + number
        yield packet


def test_ecmp_spreads_flows_and_keeps_each(dp, ports, route):
    one, two, three = ports
    first = route(None, wire.NH_PORT, port=two.id, mac=wire.mac_bytes(two.mac))
    second = route(None, wire.NH_PORT, port=three.id, mac=wire.mac_bytes(three.mac))
    route("203.0.113.0/24", wire.NH_GROUP, members=[(first, 1), (second, 3)])
    packets = list(flows(one, "203.0.113.7", 256))
    out = dp.run(one, *packets)
    shares = Counter({number: len(got) for number, got in out.items()})
    assert shares[two.id] + shares[three.id] == 256
    # 64 expected by weight; six standard deviations of a fair draw.
    assert 22 <= shares[two.id] <= 106
    again = dp.run(one, *packets)
    for number in (two.id, three.id):
        assert same(again[number], out[number])


def test_next_hop_change_moves_its_routes(dp, ports, route):
    one, two, three = ports
    number = route("203.0.113.0/24", wire.NH_PORT, port=two.id, mac=wire.mac_bytes(two.mac))
    packet = via_router4(one, "203.0.113.1")
    assert list(dp.run(one, packet)) == [two.id]
    dp.sock.set(
        wire.Nexthop.make(
            id=number, kind=wire.NH_PORT, port=three.id, mac=wire.mac_bytes(three.mac)
        )
    )
    assert list(dp.run(one, packet)) == [three.id]


def test_next_hop_loses_its_port(dp, ports, route):
    one = ports[0]
    gone = dp.add_port(8)
    route("203.0.113.0/24", wire.NH_PORT, port=gone.id, mac=wire.mac_bytes(gone.mac))
    assert list(dp.run(one, via_router4(one, "203.0.113.1"))) == [gone.id]
    dp.del_port(8)
    before = dp.drops(one)
    dp.run(one, via_router4(one, "203.0.113.1"))
    grown = {k for k, v in dp.drops(one).items() if v != before.get(k, 0)}
    assert len(grown) == 1 and grown <= {"no_port", "no_nexthop", "no_neighbor"}


def test_packets_that_no_router_forwards(dp, ports):
    """RFC 1812, 5.3.7; RFC 4291, 2.5."""
    one, two, _ = ports
    dp.expect_drop(one, "martian_source", via_router4(one, two.ip4, src="127.0.0.1"))
    dp.expect_drop(one, "martian_source", via_router4(one, two.ip4, src="224.0.0.1"))
    dp.expect_drop(one, "martian_destination", via_router4(one, "127.0.0.1"))
    dp.expect_drop(one, "martian_destination", via_router4(one, "255.255.255.255"))
    dp.expect_drop(one, "martian_source", via_router6(one, two.ip6, src="::1"))
    dp.expect_drop(one, "martian_destination", via_router6(one, "::1"))


def test_no_icmp_error_about_icmp_errors(dp, ports):
    """RFC 1122, 3.2.2."""
    one, two, _ = ports
    quoted = bytes(udp4(one, two)[IP])[:28]
    for packet in (
        Ether(src=one.mac, dst=ROUTER_MAC)
        / IP(src=one.ip4, dst=two.ip4, ttl=1)
        / ICMP(type=3, code=1)
        / quoted,
        via_router4(one, two.ip4, ttl=1, frag=100),
    ):
        assert dp.run(one, packet) == {}


def test_icmp_errors_are_rate_limited(dp, ports):
    one, two, _ = ports
    before = dp.drops(one).get("icmp_rate_limited", 0)
    out = dp.run(one, *[bytes(via_router4(one, two.ip4, ttl=1))] * 4000)
    held_back = dp.drops(one)["icmp_rate_limited"] - before
    assert held_back > 0
    assert held_back + len(out[one.id]) == 4000
