# SPDX-License-Identifier: Apache-2.0
"""Every encapsulation byte by byte, out of the switch and into it, over IPv4 and IPv6."""
import subprocess

import pytest
from lib import tunnels, wire
from lib.dataplane import ROUTER_MAC
from lib.frames import PAYLOAD, routed, same, udp4, udp6, via_router4, via_router6
from lib.tunnels import BARE_UDP, IPIP, PEER_MAC, TUNNELS, VTEP_MAC, VXLAN4, VXLAN6
from lib.tunnels import PEER_VTEP_MAC, UNDERLAY
from lib.wait import wait_until
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

STATION = "02:00:00:00:08:01"  # an L2 neighbour behind the peer
EVERY = pytest.mark.parametrize("tunnel", TUNNELS, ids=lambda tunnel: tunnel.name)
FRAMES = pytest.mark.parametrize(
    "tunnel", [t for t in TUNNELS if t.carries_frames], ids=lambda tunnel: tunnel.name
)


@pytest.fixture(scope="module")
def pods(dp):
    return [dp.add_port(number) for number in (1, 2)]


@pytest.fixture(
    scope="module", params=[wire.PORT_TAP, wire.PORT_AF_PACKET], ids=["tap", "af_packet"]
)
def uplink(request, dp, pods):
    uplink = tunnels.add_uplink(dp, kind=request.param)
    tunnels.add_tunnels(dp)
    yield uplink
    tunnels.remove_tunnels(dp)
    tunnels.remove_uplink(dp)


def from_peer(packet):
    """The frame as the router of another node would send it into the tunnel."""
    return Ether(src=PEER_VTEP_MAC, dst=VTEP_MAC) / packet.payload


def inner_of(packet, tunnel):
    """What leaves in a tunnel when a pod sent this packet to the router."""
    out = Ether(bytes(packet))
    if tunnel.carries_frames:
        out.src, out.dst = VTEP_MAC, PEER_VTEP_MAC
    if IP in out:
        out[IP].ttl -= 1
        del out[IP].chksum
    else:
        out[IPv6].hlim -= 1
    return Ether(bytes(out))


def outer_of(got, inner, tunnel, uplink, **fields):
    """The whole frame as it must be. Its source port and IPv4 identification are free to choose."""
    sport = got[UDP].sport if tunnel.udp_port else 0
    if not tunnel.v6:
        fields = {"id": got[IP].id, "flags": "DF" if tunnel is IPIP else 0} | fields
    outer = tunnel.outer_ip(local(tunnel), tunnel.peer, **fields)
    return Ether(src=uplink.mac, dst=PEER_MAC) / outer / tunnel.payload(inner, sport=sport)


def local(tunnel):
    return tunnels.NODE6 if tunnel.v6 else tunnels.NODE4


def send_out(dp, pod, packet, uplink):
    """The one frame that leaves by the uplink."""
    out = dp.run(pod, packet)
    assert list(out) == [uplink.id]
    (got,) = out[uplink.id]
    return got


def to_peer(pod, tunnel, version=4, **fields):
    if version == 4:
        return via_router4(pod, tunnel.pod(), **fields)
    return via_router6(pod, tunnel.pod(6), **fields)


@EVERY
def test_out(dp, pods, uplink, tunnel):
    packet = to_peer(pods[0], tunnel)
    got = send_out(dp, pods[0], packet, uplink)
    assert same([got], [outer_of(got, inner_of(packet, tunnel), tunnel, uplink)])
    if tunnel.udp_port:
        assert got[UDP].sport >= 49152


@FRAMES
def test_ipv6_out(dp, pods, uplink, tunnel):
    packet = to_peer(pods[0], tunnel, 6)
    got = send_out(dp, pods[0], packet, uplink)
    assert same([got], [outer_of(got, inner_of(packet, tunnel), tunnel, uplink)])


@EVERY
def test_in(dp, pods, uplink, tunnel):
    one = pods[0]
    inner = from_peer(udp4(one, one, src=tunnel.pod()))
    out = dp.run(uplink, tunnel.wrap(inner, uplink.mac))
    assert list(out) == [one.id]
    assert same(out[one.id], [routed(inner, one)])


@FRAMES
def test_ipv6_in(dp, pods, uplink, tunnel):
    one = pods[0]
    inner = from_peer(udp6(one, one, src=tunnel.pod(6)))
    assert same(dp.run(uplink, tunnel.wrap(inner, uplink.mac))[one.id], [routed(inner, one)])


@FRAMES
def test_frames_in_and_out(dp, pods, uplink, tunnel):
    """L2 mode: frames cross unchanged, whatever they carry."""
    one = pods[0]
    dp.sock.set(
        wire.Fdb.make(mac=wire.mac_bytes(STATION), nexthop=tunnel.number + 10)
    )
    frame = Ether(src=STATION, dst=one.mac, type=0x88B5) / PAYLOAD
    assert same(dp.run(uplink, tunnel.wrap(frame, uplink.mac))[one.id], [frame])
    back = Ether(src=one.mac, dst=STATION, type=0x88B5) / PAYLOAD
    got = send_out(dp, one, back, uplink)
    assert same([got], [outer_of(got, back, tunnel, uplink)])
    dp.sock.delete(wire.Fdb.make(mac=wire.mac_bytes(STATION)))


@FRAMES
@pytest.mark.parametrize("tos", [0x00, 0xB8, 0xB9, 0xBA, 0xBB])
def test_dscp_and_ecn_out(dp, pods, uplink, tunnel, tos):
    """RFC 6040, 4.1 (normal mode): the outer header is marked like the inner one."""
    packet = to_peer(pods[0], tunnel, tos=tos)
    got = send_out(dp, pods[0], packet, uplink)
    fields = {"tc": tos} if tunnel.v6 else {"tos": tos}
    assert same([got], [outer_of(got, inner_of(packet, tunnel), tunnel, uplink, **fields)])


@EVERY
def test_congestion_met_in_the_tunnel(dp, pods, uplink, tunnel):
    """RFC 6040, 4.2: ECT becomes CE, and what is not ECN-capable is dropped."""
    one = pods[0]
    congested = {"tc": 3} if tunnel.v6 else {"tos": 3}
    inner = from_peer(udp4(one, one, src=tunnel.pod(), tos=2))
    marked = from_peer(udp4(one, one, src=tunnel.pod(), tos=3))
    out = dp.run(uplink, tunnel.wrap(inner, uplink.mac, **congested))
    assert same(out[one.id], [routed(marked, one)])
    deaf = from_peer(udp4(one, one, src=tunnel.pod()))
    dp.expect_drop(uplink, "ecn_ce", tunnel.wrap(deaf, uplink.mac, **congested))


def test_flows_spread(dp, pods, uplink):
    """Entropy: many flows, many source ports; one flow, one."""
    one = pods[0]
    flows = [to_peer(one, VXLAN4) for _ in range(200)]
    for number, packet in enumerate(flows):
        packet[UDP].sport = 1000 + number
        del packet[UDP].chksum
    ports = {got[UDP].sport for got in dp.run(one, *flows)[uplink.id]}
    assert len(ports) > 150 and min(ports) >= 49152
    again = {got[UDP].sport for got in dp.run(one, *[flows[0]] * 20)[uplink.id]}
    assert len(again) == 1 and again <= ports


def test_virtual_networks(dp, pods, uplink):
    """Each VNI is its network's: equal addresses do not meet."""
    dp.add_network(5, "other", ("10.1.0.1/16",), vni=0xABCDEF)
    other = dp.add_port(5, network=5)
    other.ips = [pods[0].ip4]
    dp.sock.set(other.endpoint())
    frame = udp4(other, other, src=VXLAN4.pod(), dst=pods[0].ip4)
    frame.src, frame.dst = PEER_VTEP_MAC, VTEP_MAC
    out = dp.run(uplink, VXLAN4.wrap(frame, uplink.mac, vni=0xABCDEF))
    assert list(out) == [other.id]
    out = dp.run(uplink, VXLAN4.wrap(frame, uplink.mac))
    assert list(out) == [pods[0].id]
    dp.expect_drop(uplink, "vni_unknown", VXLAN4.wrap(frame, uplink.mac, vni=77))
    dp.del_port(5)
    dp.sock.delete(wire.Network.make(id=5))
    dp.expect_drop(uplink, "vni_unknown", VXLAN4.wrap(frame, uplink.mac, vni=0xABCDEF))


def test_head_end_replication(dp, pods, uplink):
    """Group frames go to every peer of the network; what came from one goes to none (split
    horizon)."""
    one, two = pods
    flood = [wire.Flood.make(nexthop=t.number + 10) for t in (VXLAN4, VXLAN6)]
    dp.sock.set(*flood)
    try:
        frame = Ether(src=one.mac, dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / PAYLOAD
        out = dp.run(one, frame)
        assert set(out) == {two.id, uplink.id} and same(out[two.id], [frame])
        got4, got6 = sorted(out[uplink.id], key=lambda got: IPv6 in got)
        assert same([got4], [outer_of(got4, frame, VXLAN4, uplink)])
        assert same([got6], [outer_of(got6, frame, VXLAN6, uplink)])
        frame = Ether(src=STATION, dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / PAYLOAD
        out = dp.run(uplink, VXLAN4.wrap(frame, uplink.mac))
        assert set(out) == {one.id, two.id}
    finally:
        dp.sock.delete(*flood)


def test_multicast_underlay(dp, pods, uplink):
    """A group as flood list, and as what a vtep listens to (RFC 7348, 4.2)."""
    one = pods[0]
    group, mac = "239.1.1.1", "01:00:5e:01:01:01"
    dp.sock.set(VXLAN4.vtep(groups=(group,)))
    dp.sock.set(VXLAN4.nexthop(id=30, via=wire.Ip.of(group), mac=wire.mac_bytes("00" * 6)))
    flood = wire.Flood.make(nexthop=30)
    dp.sock.set(flood)
    try:
        frame = Ether(src=one.mac, dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / PAYLOAD
        (got,) = dp.run(one, frame)[uplink.id]
        assert (got.dst, got[IP].dst) == (mac, group)
        assert bytes(got)[50:] == bytes(frame)
        frame = Ether(src=STATION, dst=one.mac, type=0x88B5) / PAYLOAD
        packet = VXLAN4.wrap(frame, mac)
        packet[IP].dst = group
        assert same(dp.run(uplink, packet)[one.id], [frame])
    finally:
        dp.sock.delete(flood, wire.Nexthop.make(id=30))
        dp.sock.set(VXLAN4.vtep())


def test_learning(dp, pods, uplink):
    """A station behind a peer is learned with the next hop that leads there; a peer without one is
    told to the control plane."""
    dp.add_network(6, "learns", (), flags=wire.NETWORK_LEARNING, vni=600)
    pod = dp.add_port(6, endpoint=False, network=6)
    frame = Ether(src=STATION, dst=pod.mac, type=0x88B5) / PAYLOAD
    answer = Ether(src=pod.mac, dst=STATION, type=0x88B5) / PAYLOAD
    try:
        assert same(dp.run(uplink, VXLAN4.wrap(frame, uplink.mac, vni=600))[pod.id], [frame])
        event = dp.sock.wait_event(wire.RemoteWanted)
        assert (event.network, event.vtep) == (6, VXLAN4.number)
        assert bytes(event.ip) == bytes(wire.Ip.of(tunnels.PEER4))
        dp.sock.set(VXLAN4.nexthop(id=40, network=6, mac=wire.mac_bytes("00" * 6)))

        def learned():
            dp.run(uplink, VXLAN4.wrap(frame, uplink.mac, vni=600))
            rows = dp.sock.request(wire.GET_FDB)[0]
            return [row.nexthop for row in rows if bytes(row.mac).hex(":") == STATION]

        wait_until(lambda: learned() == [40], "the station is learned")
        (got,) = dp.run(pod, answer)[uplink.id]
        expected = outer_of(got, answer, VXLAN4, uplink)
        expected.getlayer("VXLAN").vni = 600
        assert same([got], [expected])
    finally:
        dp.sock.delete(wire.Nexthop.make(id=40))
        dp.del_port(6)
        dp.sock.delete(wire.Network.make(id=6))


def test_arp_from_behind_a_peer(dp, pods, uplink):
    """Asked for a pod of this node, the switch answers through the tunnel."""
    one = pods[0]
    ask = Ether(src=STATION, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op="who-has", hwsrc=STATION, psrc="10.1.9.9", pdst=one.ip4
    )
    (got,) = dp.run(uplink, VXLAN4.wrap(ask, uplink.mac))[uplink.id]
    answer = Ether(bytes(got)[50:])
    assert (answer.dst, answer.src) == (STATION, one.mac)
    assert (answer[ARP].op, answer[ARP].hwsrc, answer[ARP].psrc) == (2, one.mac, one.ip4)


def test_own_addresses_are_punted(dp, pods, uplink):
    """Flannel's .0: to the host, still encapsulated."""
    inner = from_peer(udp4(pods[0], pods[0], dst="10.1.7.0"))
    packet = VXLAN4.wrap(inner, uplink.mac)
    dp.sock.set(VXLAN4.vtep(own=("10.1.7.0", "fd00:7::")))
    dp.expect_drop(uplink, "not_ours", packet)
    host = dp.add_port(7, endpoint=False, network=UNDERLAY, kind=wire.PORT_HOST)
    try:
        assert same(dp.run(uplink, packet)[host.id], [packet])
        foreign = udp4(pods[0], pods[1], dst_mac="02:00:00:00:77:77")
        assert same(dp.run(uplink, foreign)[host.id], [foreign])
    finally:
        dp.del_port(7)
        dp.sock.set(VXLAN4.vtep())


def tagged(packet, vlan):
    return Ether(src=packet.src, dst=packet.dst) / Dot1Q(vlan=vlan) / packet.payload


def test_tagged_underlay(dp, pods, uplink):
    one = pods[0]
    uplink.change(vlan=100)
    try:
        inner = from_peer(udp4(one, one, src=VXLAN4.pod()))
        packet = VXLAN4.wrap(inner, uplink.mac)
        assert same(dp.run(uplink, tagged(packet, 100))[one.id], [routed(inner, one)])
        dp.expect_drop(uplink, "vlan_untagged", packet)
        dp.expect_drop(uplink, "vlan_unknown", tagged(packet, 101))
        got = send_out(dp, one, to_peer(one, VXLAN4), uplink)
        plain, vlan = tunnels.without_vlan(got)
        assert vlan == 100
        expected = outer_of(plain, inner_of(to_peer(one, VXLAN4), VXLAN4), VXLAN4, uplink)
        assert same([plain], [expected])
    finally:
        uplink.change(vlan=0)


def test_underlay_moves(dp, pods, uplink):
    """One SET of the underlay's next hop moves every tunnel over it."""
    mac = "02:00:00:00:09:99"
    dp.sock.set(tunnels.underlay_hop(mac))
    try:
        for tunnel in TUNNELS:
            assert send_out(dp, pods[0], to_peer(pods[0], tunnel), uplink).dst == mac
    finally:
        dp.sock.set(tunnels.underlay_hop())


def test_back_to_where_it_came_from(dp, pods, uplink):
    """A packet for a pod that the sender itself should have."""
    inner = from_peer(udp4(pods[0], pods[0], src=VXLAN4.pod(), dst="10.2.1.77"))
    dp.expect_drop(uplink, "split_horizon", VXLAN4.wrap(inner, uplink.mac))
    out = dp.run(uplink, VXLAN6.wrap(inner, uplink.mac))  # another tunnel's: from node to node
    assert list(out) == [uplink.id]


@EVERY
def test_errors_go_back(dp, pods, uplink, tunnel):
    """A packet from behind a peer that cannot go on: the error takes the tunnel."""
    one = pods[0]
    inner = from_peer(udp4(one, one, src=tunnel.pod(), ttl=1))
    (got,) = dp.run(uplink, tunnel.wrap(inner, uplink.mac))[uplink.id]
    assert (got.dst, got.src) == (PEER_MAC, uplink.mac)
    error = IP(bytes(got[UDP].payload)) if tunnel is BARE_UDP else got
    assert (error[ICMP].type, error[ICMP].code) == (11, 0)
    assert error[ICMP].underlayer.dst == tunnel.pod()


def test_strict(dp, pods, uplink):
    one = pods[0]
    inner = from_peer(udp4(one, one, src=VXLAN4.pod()))
    stranger = VXLAN4.wrap(inner, uplink.mac, src="192.168.0.77")
    assert list(dp.run(uplink, stranger)) == [one.id]
    dp.sock.set(VXLAN4.vtep(flags=wire.VTEP_STRICT))
    try:
        dp.expect_drop(uplink, "tunnel_peer", stranger)
        assert list(dp.run(uplink, VXLAN4.wrap(inner, uplink.mac))) == [one.id]
    finally:
        dp.sock.set(VXLAN4.vtep())


def bad_input(one, uplink):
    """{what: (drop reason, frame)}"""
    inner = from_peer(udp4(one, one, src=VXLAN4.pod()))
    packet = VXLAN4.wrap(inner, uplink.mac)
    whole = VXLAN6.wrap(inner, uplink.mac)
    no_sum, wrong_sum, short, long_ = (Ether(bytes(p)) for p in (whole, whole, packet, packet))
    no_sum[UDP].chksum, wrong_sum[UDP].chksum = 0, 0x1234
    short[UDP].len, long_[UDP].len = 15, 1000
    runt = Ether(bytes(packet))
    runt[UDP].len = 8 + 8 + 13
    return {
        "flag missing": ("vxlan_flags", VXLAN4.wrap(inner, uplink.mac, vxlan={"flags": 0xF7})),
        "outer fragment": ("tunnel_fragment", VXLAN4.wrap(inner, uplink.mac, flags="MF")),
        "later fragment": ("tunnel_fragment", IPIP.wrap(inner, uplink.mac, frag=10)),
        "UDP too short": ("tunnel_length", short),
        "UDP beyond the packet": ("tunnel_length", long_),
        "IPv6 without checksum": ("tunnel_checksum", no_sum),
        "IPv6 with a wrong one": ("tunnel_checksum", wrong_sum),
        "from ourselves": ("tunnel_source", VXLAN4.wrap(inner, uplink.mac, src=tunnels.NODE4)),
        "from a group": ("tunnel_source", VXLAN4.wrap(inner, uplink.mac, src="239.1.1.1")),
        "nothing inside": ("tunnel_length", IPIP.wrap(Ether(), uplink.mac, proto=4)),
        "no frame inside": ("malformed_ethernet", runt),
        "outer header cut": ("malformed_ipv4", bytes(packet)[:45]),
        "no IPv4 in a bare tunnel": (
            "malformed_ipv4",
            BARE_UDP.wrap(Ether() / Raw(b"\x60" + bytes(60)), uplink.mac),
        ),
    }


def test_bad_input(dp, pods, uplink):
    for what, (reason, frame) in bad_input(pods[0], uplink).items():
        print(what)
        dp.expect_drop(uplink, reason, frame)
    dp.assert_balanced()


def test_tcpdump_understands(dp, pods, uplink, tmp_path):
    """Every header and checksum, outer and inner, by another's decoder."""
    one = pods[0]
    for tunnel in TUNNELS:
        sent = [to_peer(one, tunnel), big(to_peer(one, tunnel))]
        sent += [tcp(one, tunnel), ping(one, tunnel)]
        if tunnel.carries_frames:
            sent.append(to_peer(one, tunnel, 6))
        frames = dp.run(one, *sent)[uplink.id]
        assert len(frames) == len(sent)
        said = decode(frames, tmp_path / "out.pcap")
        assert said.count(f"{tunnel.peer}") >= len(frames)
        for warning in ("bad ", "wrong", "truncated", "[|", "invalid", "missing", "incorrect"):
            assert warning not in said, said


def big(packet):
    packet[Raw].load = bytes(1300)
    return packet


def tcp(pod, tunnel):
    return Ether(src=pod.mac, dst=ROUTER_MAC) / IP(src=pod.ip4, dst=tunnel.pod()) / TCP(dport=80)


def ping(pod, tunnel):
    return Ether(src=pod.mac, dst=ROUTER_MAC) / IP(src=pod.ip4, dst=tunnel.pod()) / ICMP() / PAYLOAD


def decode(frames, path):
    wrpcap(str(path), frames)
    command = ["tcpdump", "-vvv", "-n", "-e", "-r", path]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
