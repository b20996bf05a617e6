# SPDX-License-Identifier: Apache-2.0
"""Next hops through tunnels: who refers to them, what they refer to, and how they follow it."""
import ctypes
import errno

import pytest
from lib import wire
from lib.dataplane import ROUTER_MAC
from lib.frames import routed, udp4, via_router4, via_router6
from lib.wait import wait_until
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.vxlan import VXLAN
from scapy.utils import checksum

GATEWAY, OTHER_GATEWAY = "02:00:00:00:09:01", "02:00:00:00:09:02"
PEER_MAC, VTEP_MAC = "02:00:00:00:08:02", "02:00:00:00:08:01"
LOCAL, REMOTE = "192.0.2.1", "192.0.2.2"
UNDERLAY, OTHER, GROUP, TUNNEL, SWITCHED = range(10, 15)
STATION = "02:00:00:00:07:07"


def nexthop(number, kind, members=(), via=None, mac=None, **values):
    tail = b"".join(bytes(wire.Member(member, 1)) for member in members)
    item = wire.Nexthop.make(tail, id=number, kind=kind, n_members=len(members), **values)
    if via:
        item.via = wire.Ip.of(via)
    if mac:
        item.mac = wire.mac_bytes(mac)
    return item


def gateway(number, port, mac, **values):
    return nexthop(number, wire.NH_PORT, port=port.id, mac=mac, **values)


def tunnel(number=TUNNEL, underlay=UNDERLAY, mac=PEER_MAC, **values):
    return nexthop(
        number, wire.NH_TUNNEL, via=REMOTE, vtep=1, underlay=underlay, mac=mac, **values
    )


def vtep(port=0, **values):
    item = wire.Vtep.make(id=1, port=port, kind=wire.TUNNEL_VXLAN, udp_port=8472, **values)
    item.address = wire.Ip.of(LOCAL)
    item.mac = wire.mac_bytes(VTEP_MAC)
    return item


@pytest.fixture(scope="module")
def ports(dp):
    """A pod and two uplinks, whose mac is that of the switch's end."""
    pod = dp.add_port(1)
    uplinks = [
        dp.add_port(number, endpoint=False, mtu=1600, flags=wire.UPLINK | wire.NO_FLOOD)
        for number in (2, 3)
    ]
    return [pod, *uplinks]


@pytest.fixture(autouse=True)
def world(dp, ports):
    """Every test finds the same next hops: 10.99.0.0/16 and fd99::/16 behind TUNNEL."""
    _, up, other = ports
    items = [
        vtep(),
        gateway(UNDERLAY, up, GATEWAY),
        gateway(OTHER, other, OTHER_GATEWAY),
        nexthop(GROUP, wire.NH_GROUP, members=(UNDERLAY, OTHER)),
        tunnel(),
        tunnel(SWITCHED, mac=None),
        wire.Route.make(nexthop=TUNNEL, prefix=wire.Ip.of("10.99.0.0/16")),
        wire.Route.make(nexthop=TUNNEL, prefix=wire.Ip.of("fd99::/16")),
        wire.Fdb.make(mac=wire.mac_bytes(STATION), nexthop=SWITCHED),
        wire.Neighbor.make(
            ip=wire.Ip.of("10.1.7.7"), mac=wire.mac_bytes(STATION), nexthop=TUNNEL
        ),
    ]
    dp.sock.set(*items)
    yield items
    dp.sock.delete(*reversed(items))


class Peer:
    """What routed() asks of a target."""

    mac = PEER_MAC


def to_peer(packet):
    """The inner frame of a routed packet in Flannel's way: between the two vteps' MACs."""
    inner = routed(packet, Peer)
    inner.src = VTEP_MAC
    return inner


def assert_outside(got, inner, port, mac):
    """One frame of the switch's, VXLAN over IPv4, with this inside."""
    (packet,) = got
    assert (packet.src, packet.dst) == (port.mac, mac)
    assert (packet[IP].src, packet[IP].dst, packet[IP].ttl) == (LOCAL, REMOTE, 64)
    assert packet[UDP].dport == 8472 and packet[UDP].sport >= 49152 and packet[UDP].chksum == 0
    assert packet[UDP].len == len(packet[IP]) - 20
    assert checksum(bytes(packet[IP])[:20]) == 0
    vxlan = VXLAN(bytes(packet[UDP].payload))
    assert (int(vxlan.flags), vxlan.vni, vxlan.reserved2) == (8, 1, 0)
    assert bytes(vxlan.payload) == bytes(inner)


@pytest.mark.parametrize("make, address", [(via_router4, "10.99.1.1"), (via_router6, "fd99::1")])
def test_routed(dp, ports, make, address):
    pod, up, _ = ports
    packet = make(pod, address)
    out = dp.run(pod, packet)
    assert list(out) == [up.id]
    assert_outside(out[up.id], to_peer(packet), up, GATEWAY)


def test_switched(dp, ports):
    pod, up, _ = ports
    packet = udp4(pod, pod, dst="10.1.7.8", dst_mac=STATION)
    out = dp.run(pod, packet)
    assert list(out) == [up.id]
    assert_outside(out[up.id], packet, up, GATEWAY)


def test_neighbor_behind(dp, ports):
    pod, up, _ = ports
    packet = via_router4(pod, "10.1.7.7")
    assert_outside(dp.run(pod, packet)[up.id], to_peer(packet), up, GATEWAY)


def test_gateway_changes_mac_and_uplink(dp, ports):
    """One SET of the underlay, and every way through it is another."""
    pod, up, other = ports
    packet = via_router4(pod, "10.99.1.1")
    switched = udp4(pod, pod, dst="10.1.7.8", dst_mac=STATION)
    for port, mac in ((up, OTHER_GATEWAY), (other, GATEWAY)):
        dp.sock.set(gateway(UNDERLAY, port, mac))
        assert_outside(dp.run(pod, packet)[port.id], to_peer(packet), port, mac)
        assert_outside(dp.run(pod, switched)[port.id], switched, port, mac)


def flows(pod, n):
    for number in range(n):
        packet = via_router4(pod, "10.99.1.1")
        packet[UDP].sport = 1000 + number
        yield packet


def test_two_uplinks_share_the_load(dp, ports):
    pod, up, other = ports
    dp.sock.set(tunnel(underlay=GROUP))
    out = dp.run(pod, *flows(pod, 100))
    shares = {number: len(packets) for number, packets in out.items()}
    assert set(shares) == {up.id, other.id} and sum(shares.values()) == 100
    assert min(shares.values()) >= 25
    assert {packet.dst for packet in out[up.id]} == {GATEWAY}
    assert {packet.dst for packet in out[other.id]} == {OTHER_GATEWAY}
    entropy = {p[UDP].sport for packets in out.values() for p in packets}
    assert len(entropy) >= 95
    dp.sock.delete(gateway(OTHER, other, OTHER_GATEWAY))
    assert {k: len(v) for k, v in dp.run(pod, *flows(pod, 100)).items()} == {up.id: 100}


def test_underlay_is_wanted_and_packets_wait(dp, ports):
    pod, up, _ = ports
    dp.sock.set(nexthop(UNDERLAY, wire.NH_PORT, port=up.id, via="192.0.2.254"))
    packet = via_router4(pod, "10.99.1.1")
    up.raw.drain()
    pod.send(packet)
    wanted = bytes(wire.Ip.of("192.0.2.254"))
    event = dp.sock.wait_event(wire.NeighborWanted, lambda event: bytes(event.ip) == wanted)
    assert (event.network, event.nexthop) == (0, UNDERLAY)
    dp.sock.set(gateway(UNDERLAY, up, GATEWAY))
    got = []
    wait_until(lambda: got.extend(up.raw.drain()) or got, "the packet that waited")
    assert_outside(got, to_peer(packet), up, GATEWAY)
    dp.assert_balanced()


def test_without_vtep_unreachable(dp, ports):
    pod, up, _ = ports
    dp.sock.delete(wire.Vtep.make(id=1))
    packet = via_router4(pod, "10.99.1.1")
    before = dp.drops(pod).get("unreachable", 0)
    (error,) = dp.run(pod, packet)[pod.id]
    assert (error[IP].src, error[ICMP].type, error[ICMP].code) == ("10.1.0.1", 3, 1)
    assert dp.drops(pod)["unreachable"] == before + 1
    dp.sock.set(vtep())
    assert_outside(dp.run(pod, packet)[up.id], to_peer(packet), up, GATEWAY)


def test_mtu_in_inner_terms(dp, ports):
    """Uplinks take 1600, the network 1500; a path that takes less says so without the headers."""
    pod, up, _ = ports
    packet = via_router4(pod, "10.99.1.1", flags="DF")
    packet[UDP].payload = type(packet[UDP].payload)(bytes(1500 - 28))
    assert len(dp.run(pod, packet)[up.id][0]) == 1500 + 14 + 50
    dp.sock.set(tunnel(mtu=1400))
    (error,) = dp.run(pod, packet)[pod.id]
    assert (error[ICMP].type, error[ICMP].code, error[ICMP].nexthopmtu) == (3, 4, 1400)
    dp.sock.set(tunnel(), gateway(UNDERLAY, up, GATEWAY, mtu=1300))
    (error,) = dp.run(pod, packet)[pod.id]
    assert error[ICMP].nexthopmtu == 1250
    packet[IP].flags = 0
    sizes = [len(got[VXLAN].payload) - 14 for got in dp.run(pod, packet)[up.id]]
    assert len(sizes) == 2 and max(sizes) <= 1250


def test_replay_leaves_it_alone(dp, ports, world):
    """The same objects in another order, and packets on their way all the time."""
    pod, up, other = ports
    default = wire.Network.make(
        b"".join(bytes(wire.Ip.of(ip)) for ip in ("10.1.0.1/16", "fd00:1::1/64")),
        vni=1,
        mtu=1500,
        n_addresses=2,
        router_mac=wire.mac_bytes(ROUTER_MAC),
        name=b"default",
    )
    lasting = [pod.endpoint(), *(port.item(0) for port in ports), default]
    packets = list(flows(pod, 50))
    received = dp.stats(pod)["rx_packets"]
    pod.send(*packets[:25])
    epoch = wire.Epoch.make(epoch=77)
    dp.sock.request(wire.BEGIN, [epoch])
    dp.sock.set(*reversed(world), *lasting)
    pod.send(*packets[25:])
    refused, _ = dp.sock.request(wire.COMMIT, [epoch])
    assert [status.reason for status in refused] == []
    wait_until(lambda: dp.stats(pod)["rx_packets"] == received + 50, "all received")
    dp.assert_balanced()
    assert len(up.raw.drain()) == 50 and not other.raw.drain()


@pytest.mark.parametrize(
    "item, error, words",
    [
        (tunnel(underlay=99), errno.ENOENT, "underlay"),
        (nexthop(TUNNEL, wire.NH_TUNNEL, via="fd00::1", vtep=1), errno.EINVAL, "IPv6"),
        (nexthop(TUNNEL, wire.NH_TUNNEL, via=REMOTE, vtep=9), errno.ENOENT, "vtep 9"),
        (wire.Flood.make(nexthop=UNDERLAY), errno.EINVAL, "no tunnel"),
        (wire.Fdb.make(mac=wire.mac_bytes(STATION), nexthop=GROUP), errno.EINVAL, "no tunnel"),
        (wire.Vtep.make(id=256), errno.EINVAL, "vtep id 256"),
    ],
    ids=["underlay", "family", "vtep", "flood", "fdb", "id"],
)
def test_refused(dp, ports, item, error, words):
    with pytest.raises(wire.Refused) as refused:
        dp.sock.set(item)
    assert refused.value.errno == error and words in refused.value.reason
    pod, up, _ = ports
    assert list(dp.run(pod, via_router4(pod, "10.99.1.1"))) == [up.id]


def test_oversized_lists_end_the_connection(dp):
    """n_own and n_groups say more than the item holds."""
    sock = dp.connect()
    item = vtep(n_own=16, n_groups=64)
    sock.send_raw(sock.encode(wire.SET, [item]))
    with pytest.raises(ConnectionError):
        sock.read_frame()
    sock.close()
    assert ctypes.sizeof(wire.Vtep) == 56
    dp.daemon.assert_alive()
