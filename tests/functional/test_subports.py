# SPDX-License-Identifier: Apache-2.0
"""Pods behind a card: sub-ports of an uplink, beside pods with interfaces and nodes behind tunnels.

The far end of the uplink plays the card: it knows VFs by tag and MAC, delivers to the switch's VF
what is for the VF's own MAC or a group, and lets nothing else but the VF's own MAC out of it. What sub-ports ask for holds whether the uplink is
itself routed or not."""
import os
from dataclasses import dataclass

import pytest
from lib import tunnels, wire
from lib.books import sent_to_others
from lib.dataplane import ROUTER_MAC, DataPlane
from lib.frames import same, udp4, udp6
from lib.memif_end import MemifEnd
from lib.memif_port import MemifPort
from lib.tunnels import PEER_MAC, PEER_VTEP_MAC, UPLINK, VTEP_MAC, VXLAN4, VXLAN6
from lib.vhost_peer import Header
from lib.wait import wait_until
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

BROADCAST = "ff:ff:ff:ff:ff:ff"
ROUTED, SHARED = wire.ROUTED, wire.ROUTED | wire.SHARED_TAG
HOST_GW_HOP, HOST_GW4, HOST_GW6 = 150, "10.3.0.9", "fd00:3::9"


@dataclass(frozen=True)
class VfPod:
    id: int
    tag: int
    flags: int = ROUTED

    @property
    def mac(self):
        return f"02:00:00:00:01:{self.id:02x}"

    @property
    def ip4(self):
        return f"10.1.1.{self.id}"

    @property
    def ip6(self):
        return f"fd00:1::1:{self.id:x}"

    def items(self):
        port = wire.Port.make(
            id=self.id,
            network=0,
            kind=wire.PORT_VF,
            vlan=self.tag,
            parent=UPLINK,
            flags=self.flags,
            guard=wire.GUARD_ALL,
            mac=wire.mac_bytes(self.mac),
            name=f"vf{self.id}".encode(),
            generation=1,
        )
        ips = [wire.Ip.of(self.ip4), wire.Ip.of(self.ip6)]
        endpoint = wire.Endpoint.make(
            b"".join(map(bytes, ips)), port=self.id, mac=wire.mac_bytes(self.mac), n_ips=2
        )
        return port, endpoint


ALONE, OTHER = VfPod(61, 101), VfPod(62, 4094)  # vf_path switch
BESIDE, BESIDE_TOO = VfPod(63, 200, SHARED), VfPod(64, 200, SHARED)  # vf_path card
VFS = (ALONE, OTHER, BESIDE, BESIDE_TOO)
EVERY = pytest.mark.parametrize("vf", VFS, ids=lambda vf: f"vf{vf.id}")
BOTH = pytest.mark.parametrize("make", [udp4, udp6], ids=["v4", "v6"])


@pytest.fixture(scope="module")
def pods(dp):
    return [dp.add_port(number) for number in (1, 2)]


@pytest.fixture(
    scope="module", params=[wire.PORT_TAP, wire.PORT_AF_PACKET], ids=["tap", "af_packet"]
)
def card(request, dp, pods):
    uplink = tunnels.add_uplink(dp, kind=request.param)
    if request.param == wire.PORT_TAP:
        uplink.change(flags=wire.UPLINK | wire.ROUTED)
    tunnels.add_tunnels(dp, (VXLAN4, VXLAN6))
    hop = tunnels.underlay_hop(id=HOST_GW_HOP)
    routes = [
        wire.Route.make(nexthop=HOST_GW_HOP, prefix=wire.Ip.of(prefix))
        for prefix in ("10.3.0.0/24", "fd00:3::/64")
    ]
    dp.sock.set(hop, *routes)
    for vf in VFS:
        dp.sock.set(*vf.items())
        dp.wait_port_up(vf.id)
    yield uplink
    dp.assert_balanced()
    dp.gone += sum(sent_to_others(dp.stats(vf)) for vf in VFS)
    for vf in VFS:
        dp.sock.delete(wire.Endpoint.make(port=vf.id), wire.Port.make(id=vf.id))
    dp.sock.delete(*routes, hop)
    tunnels.remove_tunnels(dp, (VXLAN4, VXLAN6))
    tunnels.remove_uplink(dp)


def books_of(vf, card):
    """Frames with a tag of its own count at the sub-port, of a shared one at the parent."""
    return vf if vf.flags == ROUTED else card


def run(dp, card, vf, packet):
    """Sends a packet as the card delivers it; returns what came out, by port."""
    tagged = Ether(bytes(packet))
    tagged.payload = Dot1Q(vlan=vf.tag, type=tagged.type) / tagged.payload
    tagged.type = 0x8100
    source = books_of(vf, card)
    received = dp.stats(source)["rx_packets"]
    for port in dp.ports.values():
        port.raw.drain()
    card.send(tagged)
    wait_until(lambda: dp.stats(source)["rx_packets"] > received, "received")
    dp.assert_balanced()
    out = {number: port.raw.drain() for number, port in dp.ports.items()}
    return {number: got for number, got in out.items() if got}


def hop_less(packet, src, dst, tag=None):
    """What becomes of the packet behind the router."""
    out = Ether(bytes(packet))
    out.src, out.dst = src, dst
    if IP in out:
        out[IP].ttl -= 1
        del out[IP].chksum
    else:
        out[IPv6].hlim -= 1
    if tag is None:
        return out
    out.payload = Dot1Q(vlan=tag, type=out.type) / out.payload
    out.type = 0x8100
    return out


@EVERY
@BOTH
def test_to_and_from_a_pod_with_an_interface(dp, pods, card, vf, make):
    one = pods[0]
    out = run(dp, card, vf, make(vf, one, dst_mac=card.mac))
    expected = hop_less(make(vf, one), ROUTER_MAC, one.mac)
    assert list(out) == [one.id] and same(out[one.id], [expected])
    back = make(one, vf, dst_mac=ROUTER_MAC)
    out = dp.run(one, back)
    assert list(out) == [card.id]
    assert same(out[card.id], [hop_less(back, card.mac, vf.mac, vf.tag)])


@BOTH
@pytest.mark.parametrize("pair", [(ALONE, OTHER), (ALONE, BESIDE), (BESIDE, OTHER)])
def test_between_vfs_that_the_card_keeps_apart(dp, pods, card, pair, make):
    source, target = pair
    packet = make(source, target, dst_mac=card.mac)
    out = run(dp, card, source, packet)
    assert list(out) == [card.id]
    assert same(out[card.id], [hop_less(packet, card.mac, target.mac, target.tag)])


@EVERY
@pytest.mark.parametrize("tunnel", [VXLAN4, VXLAN6], ids=lambda tunnel: tunnel.name)
@pytest.mark.parametrize("version", [4, 6])
def test_other_nodes_behind_a_tunnel(dp, pods, card, vf, tunnel, version):
    make = udp4 if version == 4 else udp6
    there = tunnel.pod(version)
    packet = make(vf, vf, dst=there, dst_mac=card.mac)
    (got,) = run(dp, card, vf, packet)[card.id]
    assert (got.src, got.dst) == (card.mac, PEER_MAC)
    inner = Ether(bytes(got.payload.payload.payload)[8:])
    assert same([inner], [hop_less(packet, VTEP_MAC, PEER_VTEP_MAC)])
    back = make(vf, vf, src=there, dst_mac=VTEP_MAC)
    back.src = PEER_VTEP_MAC
    out = dp.run(card, tunnel.wrap(back, card.mac))
    assert list(out) == [card.id]
    assert same(out[card.id], [hop_less(back, card.mac, vf.mac, vf.tag)])


@EVERY
@pytest.mark.parametrize("version", [4, 6])
def test_other_nodes_by_host_gw(dp, pods, card, vf, version):
    make, there = (udp4, HOST_GW4) if version == 4 else (udp6, HOST_GW6)
    packet = make(vf, vf, dst=there, dst_mac=card.mac)
    out = run(dp, card, vf, packet)
    assert same(out[card.id], [hop_less(packet, card.mac, PEER_MAC)])


def arp_answer(dp, card, vf, target, sender=None):
    request = Ether(src=vf.mac, dst=BROADCAST) / ARP(
        op=1, hwsrc=vf.mac, psrc=sender or vf.ip4, pdst=target
    )
    got = run(dp, card, vf, request).get(card.id, [])
    return [(p[Dot1Q].vlan, p.src, p.dst, p[ARP].op, p[ARP].hwsrc, p[ARP].psrc) for p in got]


@EVERY
def test_arp_is_answered_with_the_cards_mac(dp, pods, card, vf):
    for target in ("10.1.0.1", pods[0].ip4, "10.2.1.9"):
        expected = [(vf.tag, card.mac, vf.mac, 2, card.mac, target)]
        assert arp_answer(dp, card, vf, target) == expected
    assert arp_answer(dp, card, vf, pods[0].ip4, sender="0.0.0.0")  # RFC 5227: it is taken
    assert not arp_answer(dp, card, vf, "10.1.200.200", sender="0.0.0.0")  # free
    assert not arp_answer(dp, card, vf, "10.1.200.200")
    assert not arp_answer(dp, card, vf, vf.ip4)


def test_arp_of_those_who_share_a_tag_is_theirs(dp, pods, card):
    assert not arp_answer(dp, card, BESIDE, BESIDE_TOO.ip4)
    assert arp_answer(dp, card, ALONE, BESIDE_TOO.ip4)
    assert arp_answer(dp, card, BESIDE, ALONE.ip4)


@EVERY
def test_nd_is_answered_with_the_cards_mac(dp, pods, card, vf):
    def ask(target, source, *options):
        group = bytes.fromhex("ff02" + "00" * 9 + "01ff") + bytes(IPv6(dst=target))[37:40]
        packet = Ether(src=vf.mac, dst="33:33:ff:" + group[13:].hex(":")) / IPv6(
            src=source, dst=wire.ipaddress.IPv6Address(group).compressed, hlim=255
        )
        for option in (ICMPv6ND_NS(tgt=target), *options):
            packet /= option
        got = run(dp, card, vf, packet).get(card.id, [])
        return [
            (p[Dot1Q].vlan, p.src, p[ICMPv6ND_NA].tgt, p[ICMPv6NDOptDstLLAddr].lladdr) for p in got
        ]

    for target in ("fd00:1::1", pods[0].ip6):
        answer = ask(target, vf.ip6, ICMPv6NDOptSrcLLAddr(lladdr=vf.mac))
        assert answer == [(vf.tag, card.mac, target, card.mac)]
    assert ask(pods[0].ip6, "::")  # taken
    assert not ask("fd00:1::7:7", "::")
    assert not ask(vf.ip6, "::")


@EVERY
def test_pods_with_interfaces_know_them_by_the_router(dp, pods, card, vf):
    one, two = pods
    for target, mac in ((vf.ip4, ROUTER_MAC), (two.ip4, two.mac)):
        request = Ether(src=one.mac, dst=BROADCAST) / ARP(
            op=1, hwsrc=one.mac, psrc=one.ip4, pdst=target
        )
        (answer,) = dp.run(one, request)[one.id]
        assert (answer.src, answer[ARP].hwsrc, answer[ARP].psrc) == (mac, mac, target)
    dp.expect_drop(one, "routed_only", udp4(one, vf))


@EVERY
def test_floods_leave_the_card_out_and_announcements_are_the_routers(dp, pods, card, vf):
    one, two = pods
    group = Ether(src=one.mac, dst=BROADCAST, type=0x88B5) / Raw(bytes(50))
    assert list(dp.run(one, group)) == [two.id]
    announcement = Ether(src=vf.mac, dst=BROADCAST) / ARP(
        op=1, hwsrc=vf.mac, psrc=vf.ip4, pdst=vf.ip4
    )
    out = run(dp, card, vf, announcement)
    assert set(out) == {one.id, two.id}
    for (got,) in out.values():
        assert (got.src, got[ARP].hwsrc, got[ARP].psrc) == (ROUTER_MAC, ROUTER_MAC, vf.ip4)


@pytest.mark.parametrize("vf", [ALONE, OTHER], ids=lambda vf: f"vf{vf.id}")
def test_guard(dp, pods, card, vf):
    one = pods[0]
    spoofed = {
        "spoof_mac": Ether(src=one.mac, dst=card.mac) / udp4(vf, one).payload,
        "spoof_ip": udp4(vf, one, src=one.ip4, dst_mac=card.mac),
        "spoof_arp": Ether(src=vf.mac, dst=BROADCAST)
        / ARP(op=1, hwsrc=vf.mac, psrc=one.ip4, pdst=one.ip4),
    }
    for reason, packet in spoofed.items():
        before = dp.drops(vf).get(reason, 0)
        assert not run(dp, card, vf, packet)
        assert dp.drops(vf)[reason] == before + 1


@EVERY
def test_hops_run_out(dp, pods, card, vf):
    (error,) = run(dp, card, vf, udp4(vf, pods[0], dst_mac=card.mac, ttl=1))[card.id]
    assert (error[Dot1Q].vlan, error.src, error.dst) == (vf.tag, card.mac, vf.mac)
    assert (error[IP].src, error[ICMP].type, error[ICMP].code) == ("10.1.0.1", 11, 0)


@pytest.fixture(scope="module")
def memif(dp, pods, scratch):
    """A pod behind a memif: its port and the pod's end."""
    port = MemifPort(dp, 40, scratch / "pod.sock", "02:00:00:00:01:28", "master").attach()
    wait_until(port.path.exists, "socket of the memif")
    end = MemifEnd(str(port.path))
    port.wait_up()
    yield port, end
    dp.assert_balanced()
    dp.gone += sent_to_others(dp.stats(port))
    end.close()
    port.detach()


@EVERY
@BOTH
def test_to_and_from_a_memif_pod(dp, pods, card, memif, vf, make):
    pod, end = memif
    while end.receive(0):  # what was flooded before
        pass
    run(dp, card, vf, make(vf, pod, dst_mac=card.mac))
    data, _ = end.receive(10)
    assert data == bytes(hop_less(make(vf, pod), ROUTER_MAC, pod.mac))
    sent = dp.stats(vf)["tx_packets"]
    back = make(pod, vf, dst_mac=ROUTER_MAC)
    end.send(bytes(back), Header())
    wait_until(lambda: dp.stats(vf)["tx_packets"] > sent, "sent")
    dp.assert_balanced()
    assert same(card.raw.drain(), [hop_less(back, card.mac, vf.mac, vf.tag)])


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU")
def test_workers_without_a_queue_of_the_card(scratch, hugepages):
    """They hand over to the one that has it: all pods' frames arrive, each pod's in order."""
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))
    dp = DataPlane(scratch / "two", hugepages, "--cores", cores)
    try:
        dp.add_network()
        pods = [dp.add_port(number) for number in (1, 2, 3)]
        card = dp.add_port(UPLINK, endpoint=False, flags=wire.UPLINK | wire.ROUTED)
        dp.sock.set(*ALONE.items())
        infos = dp.port_infos()
        assert len({infos[port.id].rx_workers for port in (*pods, card)}) == 2
        assert infos[ALONE.id].rx_workers == infos[UPLINK].rx_workers
        for pod in pods:
            packets = [udp4(pod, ALONE, dst_mac=ROUTER_MAC, id=n) for n in range(100)]
            expected = [hop_less(p, card.mac, ALONE.mac, ALONE.tag) for p in packets]
            assert same(dp.run(pod, *packets)[UPLINK], expected)
        assert dp.stats(ALONE)["tx_packets"] == 300
    finally:
        dp.close()


def test_state_and_queues_are_the_parents(dp, pods, card):
    infos = dp.port_infos()
    for vf in VFS:
        assert infos[vf.id].kind == wire.PORT_VF
        assert infos[vf.id].state == infos[UPLINK].state == wire.UP
        assert infos[vf.id].capabilities == infos[UPLINK].capabilities


def test_tags_that_nobody_has(dp, pods, card):
    nobody = VfPod(65, 300)
    packet = udp4(nobody, pods[0], dst_mac=card.mac) / Raw(b"")
    tagged = Ether(bytes(packet))
    tagged.payload = Dot1Q(vlan=300, type=tagged.type) / tagged.payload
    tagged.type = 0x8100
    dp.expect_drop(card, "vlan_unknown", tagged)
    with pytest.raises(wire.Refused, match="vlan 101"):
        dp.sock.set(VfPod(65, 101).items()[0])
