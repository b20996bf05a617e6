# SPDX-License-Identifier: Apache-2.0
"""A network that resolves by itself (ARP, ND) against kernels on its links: nothing is lost while a
gateway is looked for, gateways move, nobody answers; two uplinks share the load."""
import re

import pytest
from lib import wire
from lib.dataplane import PodPort
from lib.traffic import is_silent, ping
from lib.wait import wait_until
from scapy.layers.inet6 import ICMPv6ND_NS
from scapy.layers.l2 import ARP

NETWORK = 7
SUBNETS = ("10.7.0.1/16", "fd00:7::1/64")
ROUTER = {4: "10.7.0.1", 6: "fd00:7::1"}
POD = {4: "10.7.0.11", 6: "fd00:7::11"}
BEHIND = {4: "192.168.50.1", 6: "2001:db8:50::1"}  # an address of both gateways
BEHIND_PREFIX = {4: "192.168.50.0/24", 6: "2001:db8:50::/64"}
NOBODY = {4: "10.7.0.99", 6: "fd00:7::99"}
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def allow_ipv6(namespace, ifname):
    for key, value in (("accept_dad", 0), ("disable_ipv6", 0)):
        namespace.sysctl(f"net/ipv6/conf/{ifname}/{key}", value)


def add_addresses(port, ifname, *addresses):
    for address in addresses:
        port.namespace.ip(f"addr add {address} dev {ifname}" + " nodad" * (":" in address))


@pytest.fixture(scope="module")
def pod(dp):
    """Reaches everything through the router, what is on link, too."""
    dp.add_network(NETWORK, "resolving", SUBNETS, flags=wire.NETWORK_RESOLVE)
    port = dp.ports[11] = PodPort(dp, 11, network=NETWORK)
    port.ips = list(POD.values())
    port.attach()
    allow_ipv6(port.namespace, port.ifname)
    add_addresses(port, port.ifname, POD[4] + "/32", POD[6] + "/128")
    for family, router in ROUTER.items():
        port.namespace.ip(f"-{family} route add {router} dev {port.ifname}")
        port.namespace.ip(f"-{family} route add default via {router}")
    return port


def add_gateway(dp, number):
    """A kernel behind a port that no endpoint owns."""
    port = dp.add_port(number, endpoint=False, network=NETWORK)
    port.address = {4: f"10.7.0.{number}", 6: f"fd00:7::{number}"}
    namespace = port.namespace
    for device in ("lo", port.ifname):
        allow_ipv6(namespace, device)
    add_addresses(port, port.ifname, port.address[4] + "/16", port.address[6] + "/64")
    add_addresses(port, "lo", BEHIND[4] + "/32", BEHIND[6] + "/128")
    namespace.sysctl(f"net/ipv4/conf/{port.ifname}/arp_notify", 1)
    namespace.sysctl(f"net/ipv6/conf/{port.ifname}/ndisc_notify", 1)
    return port


@pytest.fixture(scope="module")
def gateways(dp, pod):
    return [add_gateway(dp, number) for number in (21, 22)]


@pytest.fixture
def nexthop(dp):
    """nexthop(id, kind, via, prefix, ...) sets a next hop and the route to it."""
    made = []

    def add(number, kind, via=None, prefix=None, members=(), **values):
        tail = b"".join(bytes(wire.Member(member, 1)) for member in members)
        item = wire.Nexthop.make(
            tail, id=number, kind=kind, network=NETWORK, n_members=len(members), **values
        )
        if via:
            item.via = wire.Ip.of(via)
        items = [item]
        if prefix:
            items.append(
                wire.Route.make(network=NETWORK, nexthop=number, prefix=wire.Ip.of(prefix))
            )
        made.extend(items)
        dp.sock.set(*items)

    yield add
    for item in reversed(made):
        dp.sock.delete(item)


def drops(dp, port, reason):
    return dp.drops(port).get(reason, 0)


@FAMILIES
def test_first_packet_waits_for_its_gateway(dp, pod, gateways, nexthop, family):
    gateway = gateways[0]
    nexthop(300, wire.NH_VIA, gateway.address[family], BEHIND_PREFIX[family])
    assert ping(pod.namespace, BEHIND[family], count=3)[0] == 0
    dp.assert_balanced()
    assert dp.stats(pod)["held"] == 0
    assert dp.stats(gateway)["punted"] > 0  # its answer
    assert dp.sock.port_stats()[0]["originated"] > 0  # the question


@FAMILIES
def test_on_link(dp, pod, gateways, family):
    assert ping(pod.namespace, gateways[1].address[family], count=3)[0] == 0
    dp.assert_balanced()


@FAMILIES
def test_nexthop_without_mac(dp, pod, gateways, nexthop, family):
    """Its port is told, so that the other is not asked; by then the neighbour may be known."""
    gateway = gateways[0]
    nexthop(301, wire.NH_PORT, gateway.address[family], BEHIND_PREFIX[family], port=gateway.id)
    assert ping(pod.namespace, BEHIND[family], count=3)[0] == 0


@FAMILIES
def test_gateway_moves(dp, pod, gateways, nexthop, family):
    """Its announcement is enough: no packet goes to the old address."""
    gateway = gateways[0]
    nexthop(302, wire.NH_VIA, gateway.address[family], BEHIND_PREFIX[family])
    assert ping(pod.namespace, BEHIND[family], count=1)[0] == 0
    mac = f"02:00:00:00:77:{family:02x}"
    gateway.raw.drain()
    gateway.namespace.ip(f"link set {gateway.ifname} address {mac}")
    wanted = 3
    while ping(pod.namespace, BEHIND[family], count=1)[0] and wanted:
        wanted -= 1
    assert wanted, "never found again"
    assert ping(pod.namespace, BEHIND[family], count=5)[0] == 0


@FAMILIES
def test_nobody_answers(dp, pod, gateways, family):
    """Three requests a second apart on each link, then an ICMP error; the pod itself is not asked."""
    for port in (pod, *gateways):
        port.raw.drain()
    before = drops(dp, pod, "no_neighbor")
    run = pod.namespace.run("ping", "-c", 1, "-W", 8, NOBODY[family], check=False)
    assert re.search(r"(?i)from .*unreachable", run.stdout), run.stdout
    assert drops(dp, pod, "no_neighbor") == before + 1
    asked = [count_questions(port, NOBODY[family], family) for port in (pod, *gateways)]
    assert asked[0] == 0 and asked[1] == asked[2]
    assert 2 <= asked[1] <= 4  # the third may cross the end
    dp.assert_balanced()


def count_questions(port, address, family):
    if family == 4:
        return sum(ARP in p and p[ARP].op == 1 and p[ARP].pdst == address for p in port.raw.drain())
    return sum(ICMPv6ND_NS in p and p[ICMPv6ND_NS].tgt == address for p in port.raw.drain())


def test_more_than_are_held(dp, pod, gateways):
    before = drops(dp, pod, "hold_full")
    sent = 20
    options = ["-i", "0.01", "-c", sent, "-W", "1"]
    pod.namespace.run("ping", *options, "10.7.0.98", check=False)
    assert drops(dp, pod, "hold_full") - before == sent - 8
    dp.assert_balanced()  # waits for the eight


@FAMILIES
def test_flows_share_two_gateways(dp, pod, gateways, nexthop, family):
    for number, gateway in enumerate(gateways):
        nexthop(310 + number, wire.NH_VIA, gateway.address[family])
    nexthop(312, wire.NH_GROUP, prefix=BEHIND_PREFIX[family], members=(310, 311))
    assert ping(pod.namespace, BEHIND[family])[0] == 0

    def both_known():
        send_flows(pod, family, 20)
        return all(counted(gateway) > 0 for gateway in gateways)

    wait_until(both_known, "flows reach both gateways")
    sent = send_flows(pod, family, 200)
    shares = [counted(gateway) for gateway in gateways]
    assert sum(shares) >= sent
    assert min(shares) > 0.3 * sent
    # One goes: the other takes all, at once.
    nexthop(312, wire.NH_GROUP, members=(311,))
    sent = send_flows(pod, family, 50)
    shares = [counted(gateway) for gateway in gateways]
    assert shares[0] == 0 and shares[1] >= sent
    dp.assert_balanced()


SENDER = """
import socket, sys
family = {"4": socket.AF_INET, "6": socket.AF_INET6}[sys.argv[1]]
for port in range(int(sys.argv[3])):
    with socket.socket(family, socket.SOCK_DGRAM) as flow:
        flow.sendto(b"flow", (sys.argv[2], 9000 + port))
"""


def send_flows(pod, family, count):
    """Datagrams of as many flows to an address that both gateways have."""
    for port in pod.dp.ports.values():
        port.raw.drain()
    before = pod.dp.stats(pod)["rx_packets"]
    pod.namespace.run("/usr/bin/python3", "-I", "-c", SENDER, family, BEHIND[family], count)
    wait_until(lambda: pod.dp.stats(pod)["rx_packets"] >= before + count, "all received")
    pod.dp.assert_balanced()
    return count


def counted(gateway):
    return sum(b"flow" in bytes(packet) for packet in gateway.raw.drain())


def test_network_stops_asking(dp, pod, gateways):
    """What waits then is given up in its time, and nothing is kept after that."""
    with pod.namespace.background("ping", "-i", "0.05", "-c", 100, "10.7.0.97"):
        wait_until(lambda: dp.stats(pod)["held"] > 0, "a packet is held")
        dp.add_network(NETWORK, "resolving", SUBNETS)
        wait_until(lambda: dp.stats(pod)["held"] == 0, "nothing is held any more")
    assert is_silent(pod.namespace, "10.7.0.97")
    dp.assert_balanced()
