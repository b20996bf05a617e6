# SPDX-License-Identifier: Apache-2.0
"""An uplink that the kernel has, too (isolated=on): rules bring the switch what is its own, and the
kernel has everything else. The card is tests/pmd; its kernel side is a veth.
"""
from collections import Counter

import pytest
from lib import tunnels, wire
from lib.flow_pmd import BATCH, CardDataPlane
from lib.raw import RawSocket
from lib.traffic import ping
from lib.tunnels import BARE_UDP, IPIP, NODE4, NODE6, PEER4, PEER6, TUNNELS, VXLAN4, VXLAN6
from lib.wait import wait_until
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1Q, Ether

TAG = 100  # of the pods' network, on the wire
GROUP4, GROUP6 = "239.1.1.1", "ff05::1:1"
GROUP_MACS = {GROUP4: "01:00:5e:01:01:01", GROUP6: "33:33:00:01:00:01"}
STRANGER = "02:00:00:00:08:08"
SMALL = b"x" * 26


class IsolatedDataPlane(CardDataPlane):
    """All tunnels, the pods' network on the wire under a tag, and the kernel's side as .kernel."""

    def __init__(self, scratch, hugepages, **arguments):
        arguments = {"vfs": 1, "kernel": True, "isolated": "on"} | arguments
        super().__init__(scratch, hugepages, offload=False, **arguments)
        self.host = self.card.far["kernel"]
        self.kernel = RawSocket(self.host, "far")

    def add_all(self):
        self.add_card(trunk=((TAG, 0),))
        self.sock.set(VXLAN4.vtep(groups=[GROUP4]))
        tunnels.add_tunnels(self, [one for one in TUNNELS if one not in (VXLAN4, VXLAN6)])
        self.sock.set(VXLAN6.vtep(groups=[GROUP6]), VXLAN6.nexthop(), *VXLAN6.routes())
        return self

    def steered(self, frames):
        """How many of the frames from the wire the switch gets, and what the kernel gets."""
        frames = [bytes(frame) for frame in frames]
        self.kernel.drain()
        before = self.stats(self.uplink)["rx_packets"]
        self.exchange(self.uplink, frames)
        questions = -(-len(frames) // BATCH)
        taken = self.stats(self.uplink)["rx_packets"] - before - questions
        kernels = []
        while len(kernels) < len(frames) - taken:
            got = self.kernel.receive_bytes(timeout=10)
            assert got, "frames that neither the switch nor the kernel gets"
            kernels.append(got[0])
        return taken, Counter([*kernels, *map(bytes, self.kernel.drain())])

    def assert_switchs(self, *frames):
        for frame in frames:
            assert self.steered([frame]) == (1, Counter()), frame.summary()

    def assert_kernels(self, *frames):
        taken, kernels = self.steered(frames)
        missing = [f.summary() for f in frames if kernels[bytes(f)] != 1]
        assert (taken, missing) == (0, [])

    def wait_steered(self):
        wait_until(
            lambda: all(flow.state == wire.FLOW_OFFLOADED for flow in self.sock.flows()), "rules"
        )

    def close(self):
        self.kernel.close()
        super().close()


@pytest.fixture(scope="module", params=[0, 1], ids=["rule by rule", "asynchronous"])
def dp(request, scratch, hugepages):
    folder = scratch / f"isolated{request.param}"
    folder.mkdir()
    plane = IsolatedDataPlane(folder, hugepages, **{"async": request.param})
    try:
        plane.add_all().wait_steered()
        yield plane
        assert "undefined" not in plane.daemon.log()
    finally:
        plane.close()


def make(scratch, hugepages, name, **arguments):
    folder = scratch / name
    folder.mkdir()
    return IsolatedDataPlane(folder, hugepages, **arguments)


def inner(dp, tunnel, version=4):
    layer, dst = (IP, dp.pod.ip4) if version == 4 else (IPv6, dp.pod.ip6)
    packet = layer(src=tunnel.pod(version), dst=dst) / UDP(sport=1000, dport=9) / SMALL
    return Ether(src=tunnels.PEER_VTEP_MAC, dst=tunnels.VTEP_MAC) / packet


def tagged(frame, vlan=TAG):
    return Ether(src=frame.src, dst=frame.dst) / Dot1Q(vlan=vlan, type=frame.type) / frame.payload


def to_group(dp, tunnel, group):
    frame = tunnel.wrap(inner(dp, tunnel), GROUP_MACS[group])
    frame.payload.dst = group
    return Ether(bytes(frame))


def link(dp):
    return Ether(src=tunnels.PEER_MAC, dst=dp.uplink.mac)


def to_pod(dp, ip, **fields):
    """Routed to us by another node."""
    layer = IPv6 if ":" in ip else IP
    src = "fd99::99" if ":" in ip else "192.168.0.99"
    frame = link(dp) / layer(src=src, dst=ip, **fields) / UDP(sport=1000, dport=9) / SMALL
    return tagged(Ether(bytes(frame)))


def of_tunnels(dp):
    return [
        tunnel.wrap(inner(dp, tunnel, version), dp.uplink.mac)
        for tunnel in TUNNELS
        for version in ((4, 6) if tunnel.carries_frames else (4,))
    ]


def of_the_host(dp):
    """ssh, BGP, neighbours, LLDP, ping."""
    ours, group6 = link(dp), Ether(src=tunnels.PEER_MAC, dst="33:33:ff:00:00:01")
    every = Ether(src=tunnels.PEER_MAC, dst="ff:ff:ff:ff:ff:ff")
    return [
        ours / IP(src=PEER4, dst=NODE4) / TCP(sport=40000, dport=22) / SMALL,
        ours / IPv6(src=PEER6, dst=NODE6) / TCP(sport=40000, dport=22) / SMALL,
        ours / IP(src=PEER4, dst=NODE4, ttl=1) / TCP(sport=40000, dport=179) / SMALL,
        ours / IP(src=PEER4, dst=NODE4) / UDP(sport=53, dport=40000) / SMALL,
        ours / IP(src=PEER4, dst=NODE4) / ICMP(type=0) / SMALL,
        every / ARP(op=1, hwsrc=tunnels.PEER_MAC, psrc=PEER4, pdst=NODE4) / SMALL,
        ours / ARP(op=2, hwsrc=tunnels.PEER_MAC, psrc=PEER4, hwdst=ours.dst, pdst=NODE4) / SMALL,
        group6 / IPv6(src=PEER6, dst="ff02::1:ff00:1") / ICMPv6ND_NS(tgt=NODE6),
        ours / IPv6(src=PEER6, dst=NODE6) / ICMPv6ND_NS(tgt=NODE6),
        ours / IPv6(src=PEER6, dst=NODE6) / ICMPv6ND_NA(tgt=PEER6),
        Ether(src=tunnels.PEER_MAC, dst="01:80:c2:00:00:0e", type=0x88CC) / (b"\x02" * 60),
    ]


def almost_ours(dp):
    """Each differs from a packet of ours in one thing."""
    vxlan = VXLAN4.wrap(inner(dp, VXLAN4), dp.uplink.mac)
    other_mac = VXLAN4.wrap(inner(dp, VXLAN4), STRANGER)
    other_port, other_address, first, later = (Ether(bytes(vxlan)) for _ in range(4))
    other_port[UDP].dport = 4790
    other_address[IP].dst = "192.168.0.77"
    first[IP].flags, later[IP].frag = "MF", 10
    for frame in (other_address, first, later):
        del frame[IP].chksum
    six = link(dp) / IPv6(src=PEER6, dst=NODE6)
    tail = VXLAN6.payload(inner(dp, VXLAN6))
    group = to_group(dp, VXLAN4, GROUP4)
    group[IP].dst, group.dst = "239.1.1.2", "01:00:5e:01:01:02"
    del group[IP].chksum
    return [
        other_mac, other_port, other_address, first, later, group,
        six / IPv6ExtHdrDestOpt() / tail,
        six / IPv6ExtHdrFragment(offset=0, m=1) / tail,
        tagged(vxlan, 7),
        link(dp) / IP(src=PEER4, dst=dp.pod.ip4) / UDP(dport=9) / SMALL,  # not in this network
        tagged(link(dp) / IP(src=PEER4, dst="10.3.0.1") / UDP(dport=9) / SMALL),
        tagged(Ether(src=STRANGER, dst=STRANGER) / to_pod(dp, dp.pod.ip4)[IP]),
        tagged(Ether(src=tunnels.PEER_MAC, dst="ff:ff:ff:ff:ff:ff")
               / ARP(op=1, hwsrc=tunnels.PEER_MAC, psrc="10.1.9.9", pdst="10.1.0.1") / SMALL),
    ]


def test_tunnels_are_the_switchs(dp):
    frames = of_tunnels(dp)
    dp.assert_switchs(*frames, *map(tagged, frames))
    dp.assert_switchs(to_group(dp, VXLAN4, GROUP4), to_group(dp, VXLAN6, GROUP6))


def test_pods_are_the_switchs(dp):
    frames = [to_pod(dp, ip) for ip in dp.pod.ips]
    dp.assert_switchs(*frames, to_pod(dp, dp.pod.ip4, flags="MF"), to_pod(dp, dp.pod.ip4, frag=9))
    for frame in frames:
        out = dp.exchange(dp.uplink, [bytes(frame)])
        assert sum(out[dp.pod.id].values()) == 1


def test_the_host_has_the_rest(dp):
    dp.assert_kernels(*of_the_host(dp))
    dp.assert_kernels(*almost_ours(dp))


def test_the_host_is_reached(dp):
    """By real ARP, neighbour discovery and ping: what the kernel sends leaves by the wire."""
    wire_side = dp.card.far["wire"]
    dp.host.ip(f"link set far address {dp.uplink.mac}")
    for namespace, addresses in ((dp.host, (NODE4, NODE6)), (wire_side, (PEER4, PEER6))):
        namespace.sysctl("net/ipv6/conf/far/disable_ipv6", 0)
        namespace.ip(f"addr add {addresses[0]}/24 dev far")
        namespace.ip(f"-6 addr add {addresses[1]}/64 dev far nodad")
    try:
        assert ping(wire_side, NODE4)[0] == 0
        assert ping(wire_side, NODE6)[0] == 0
    finally:
        for namespace in (dp.host, wire_side):
            namespace.sysctl("net/ipv6/conf/far/disable_ipv6", 1)
            namespace.ip("addr flush dev far")


def test_rules_follow_objects(dp):
    extra = wire.Vtep.make(
        b"", id=9, port=tunnels.UPLINK, kind=wire.TUNNEL_VXLAN, udp_port=4799,
        mac=wire.mac_bytes(tunnels.VTEP_MAC), address=wire.Ip.of("192.168.0.5"),
    )
    frame = VXLAN4.wrap(inner(dp, VXLAN4), dp.uplink.mac)
    frame[IP].dst, frame[UDP].dport = "192.168.0.5", 4799
    pods = [to_pod(dp, ip) for ip in ("10.77.0.1", "fd77::1")]
    nets = [to_pod(dp, ip) for ip in ("10.78.0.1", "fd78::1")]
    former = dp.pod.ips
    dp.assert_kernels(frame, *pods, *nets)
    dp.sock.set(extra)
    dp.assert_switchs(frame, tagged(frame))
    dp.pod.ips = [*former, "10.77.0.1", "fd77::1"]
    dp.sock.set(dp.pod.endpoint())
    dp.assert_switchs(*pods)
    # One within the other: rules that meet must not be of one priority.
    subnets = ("10.1.0.1/16", "10.1.7.1/24", "fd00:1::1/64", "10.78.0.1/24", "fd78::1/64")
    dp.add_network(subnets=subnets)
    dp.assert_switchs(*nets, to_pod(dp, "10.1.7.9"))
    dp.add_network()
    dp.pod.ips = former
    dp.sock.set(dp.pod.endpoint())
    dp.sock.delete(extra)
    dp.assert_kernels(frame, *pods, *nets)
    dp.uplink.change(trunk=())
    dp.assert_kernels(*map(tagged, of_tunnels(dp)), to_pod(dp, dp.pod.ip4))
    dp.uplink.change(trunk=((TAG, 0),))
    dp.assert_switchs(to_pod(dp, dp.pod.ip4))


def test_rules_are_back_after_a_reset(dp):
    """The cable is pulled: the card loses all rules and wants a reset."""
    dp.card.namespace.ip("link set card-wire down")
    wait_until(lambda: "the device was started anew" in dp.daemon.log(), "the reset is noticed")
    dp.card.namespace.ip("link set card-wire up")
    dp.wait_port_up(dp.uplink.id)
    dp.wait_steered()
    wait_until(lambda: dp.card.far["wire"].ip_json("link show far")[0]["operstate"] == "UP", "wire")
    dp.assert_switchs(VXLAN4.wrap(inner(dp, VXLAN4), dp.uplink.mac), to_pod(dp, dp.pod.ip4))
    dp.assert_kernels(*of_the_host(dp))


def test_a_card_without_isolated_mode_is_refused(scratch, hugepages):
    dp = make(scratch, hugepages, "refusing", refuse="isolate")
    try:
        with pytest.raises(wire.Refused, match="net_flow0 has no isolated mode .isolated=on."):
            dp.add_all()
    finally:
        dp.close()


def test_a_refused_rule_is_told(scratch, hugepages):
    """The card knows no tags: what is in them stays with the kernel."""
    dp = make(scratch, hugepages, "tagless", refuse="vlan")
    try:
        dp.add_all()
        refused = [flow for flow in dp.sock.flows() if flow.state == wire.FLOW_REFUSED]
        assert refused and all(b" tag 100 " in flow.match for flow in refused)
        assert all(flow.reason == b"refused: refused by the device's arguments" for flow in refused)
        assert "a device leaves to the kernel what is the switch's" in dp.daemon.log()
        dp.assert_switchs(*of_tunnels(dp))
        dp.assert_kernels(to_pod(dp, dp.pod.ip4), tagged(of_tunnels(dp)[0]))
    finally:
        dp.close()


def test_other_tunnels_are_no_ones(dp):
    """Without their vteps IPIP and UDP are the kernel's."""
    for tunnel in (IPIP, BARE_UDP):
        frame = tunnel.wrap(inner(dp, tunnel), dp.uplink.mac)
        dp.assert_switchs(frame)
        tunnels.remove_tunnels(dp, [tunnel])
        dp.assert_kernels(frame)
        tunnels.add_tunnels(dp, [tunnel])
        dp.assert_switchs(frame)
